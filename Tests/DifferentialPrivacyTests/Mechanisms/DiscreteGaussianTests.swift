import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Discrete Gaussian numbers", .tags(.numerics))
struct DiscreteGaussianTests {
    private static let count = LongRun.count(100_000_000, otherwise: 4_000_000)

    /// Calls `body` with numbers, a million or so at a time.
    private func draw(_ count: Int, _ sampler: DiscreteGaussian, _ body: ([Int64]) -> Void) throws {
        let key = try NoiseKey.fixed()
        for part in 0..<(count + (1 << 20) - 1) >> 20 {
            let rest = min(1 << 20, count - part << 20)
            body(sampler.numbers(rest, from: key.derived(for: "part \(part)")))
        }
    }

    @Test(
        "have the standard deviation asked for",
        arguments: [0.25, 0.6, 1, 340, 342, 60_000, 0x1p20, 0x1.8p33, 0x1p40]
    )
    func deviation(_ deviation: Double) throws {
        let sampler = try DiscreteGaussian(deviation: deviation)
        let count = Self.count
        var (sum, squares, product) = (0.0, 0.0, 0.0)
        try draw(count, sampler) { numbers in
            for (index, number) in numbers.enumerated() {
                sum += Double(number)
                squares += Double(number) * Double(number)
                if index > 0 { product += Double(number) * Double(numbers[index - 1]) }
            }
        }
        // Below σ = 1 the deviation of a discrete Gaussian is not its σ.
        let weights = (-20...20).map { x in (Double(x * x), exp(-Double(x * x) / (2 * deviation * deviation))) }
        let exact =
            deviation > 1
            ? deviation
            : (weights.reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0) { $0 + $1.1 }).squareRoot()
        let n = Double(count)
        // Five standard errors of a normal variable, 0.035 % of 10⁸ numbers; a σ of 1/4 gives 0 nearly always, and an error
        // nine times as large.
        let tolerance = 5 / (2 * n).squareRoot() * (deviation < 0.5 ? 9 : 1)
        #expect(abs((squares / n).squareRoot() / exact - 1) < tolerance)
        #expect(abs(sum / n) < 5 * exact / n.squareRoot())
        // Neighbouring numbers are uncorrelated.
        #expect(abs(product / n) < 5 * exact * exact / n.squareRoot())
    }

    @Test("of few values fit the law value by value", arguments: [0.8, 3, 11.5])
    func small(_ deviation: Double) throws {
        let sampler = try DiscreteGaussian(deviation: deviation)
        let reach = Int(4 * deviation)
        let all = (-400...400).map { x in (Double(x), exp(-Double(x * x) / (2 * deviation * deviation))) }
        let total = all.reduce(0) { $0 + $1.1 }
        var fit = GoodnessOfFit(edges: (-reach...reach).map(Double.init)) { edge in
            all.filter { $0.0 < edge }.reduce(0) { $0 + $1.1 } / total
        }
        try draw(Self.count, sampler) { fit.add($0) }
        #expect(abs(fit.chiSquareDeviate) < 4)
        // The value of significance 0.001.
        #expect(fit.kolmogorovSmirnov < 1.95)
    }

    @Test("of many values fit the normal distribution", arguments: [200, 5_000, 0x1p20, 3e9, 0x1p40])
    func large(_ deviation: Double) throws {
        let sampler = try DiscreteGaussian(deviation: deviation)
        // Edges between integers, where the sum of a discrete Gaussian up to there is Φ to within 10⁻⁸ and better.
        let edges = (-400...400).map { (Double($0) / 100 * deviation).rounded(.down) + 0.5 }
        var fit = GoodnessOfFit(edges: edges) { 0.5 * erfc(-$0 / (deviation * 2.0.squareRoot())) }
        try draw(Self.count, sampler) { fit.add($0) }
        #expect(abs(fit.chiSquareDeviate) < 4)
        #expect(fit.kolmogorovSmirnov < 1.95)
    }

    @Test("hit odd and even numbers alike at every level")
    func remainders() throws {
        let sampler = try DiscreteGaussian(deviation: 0x1p24)
        #expect(sampler.levels == 4)
        var counts = [Int](repeating: 0, count: 251)
        try draw(2_000_000, sampler) { for number in $0 { counts[Int((number % 251 + 251) % 251)] += 1 } }
        let expected = 2_000_000.0 / 251
        let square = counts.reduce(0.0) { $0 + pow(Double($1) - expected, 2) / expected }
        // χ² with 250 degrees of freedom: 250 ± 22.4.
        #expect(abs(square - 250) < 4 * 22.4)
    }

    @Test("follow from the key alone, on any number of threads")
    func reproducibility() throws {
        let sampler = try DiscreteGaussian(deviation: 0x1p20)
        let key = try NoiseKey.fixed()
        let numbers = sampler.numbers(10_000, from: key, threads: 1)
        #expect(sampler.numbers(10_000, from: key, threads: 2) == numbers)
        #expect(try DiscreteGaussian(deviation: 0x1p20).numbers(10_000, from: key, threads: 3) == numbers)
        // A longer vector begins with the same numbers.
        #expect(Array(sampler.numbers(12_345, from: key).prefix(8_192)) == Array(numbers.prefix(8_192)))
        #expect(sampler.numbers(10_000, from: try .fixed(1)) != numbers)
        var sums = [Int64](repeating: 7, count: 10_000)
        sampler.add(to: &sums, from: key, negated: false)
        #expect(sums == numbers.map { $0 + 7 })
        sampler.add(to: &sums, from: key, negated: true)
        #expect(sums == [Int64](repeating: 7, count: 10_000))
    }

    @Test(
        "stay the same from version to version, so that a stored key gives the stored round's noise",
        .tags(.goldenBytes)
    )
    func golden() throws {
        let key = try NoiseKey.fixed()
        #expect(try DiscreteGaussian(deviation: 3).numbers(8, from: key) == Self.goldenOfThree)
        #expect(try DiscreteGaussian(deviation: 0x1p20).numbers(4, from: key) == Self.goldenOfMillion)
    }

    private static let goldenOfThree: [Int64] = [4, 1, -4, -6, -1, 1, 1, -1]
    private static let goldenOfMillion: [Int64] = [39_900, 1_342_745, -274_558, -33_495]

    @Test("cannot be larger than stated")
    func magnitude() throws {
        for deviation in [0.25, 300, 1e6, 0x1p40] {
            let sampler = try DiscreteGaussian(deviation: deviation)
            let largest = sampler.largestMagnitude
            #expect(largest < 1 << 52)
            #expect(Double(largest) >= 12 * deviation)
            #expect(sampler.numbers(100_000, from: try .fixed()).allSatisfy { $0.magnitude <= largest })
            #expect(sampler.distance < 0x1p-98)
        }
    }

    @Test("are refused for a σ out of range", arguments: [0, -1, 0.2, 0x1.1p40, .nan, .infinity])
    func refusal(_ deviation: Double) {
        #expect(throws: PrivacyError.self) { try DiscreteGaussian(deviation: deviation) }
    }

    @Test("take few draws of a base that is smooth enough for sums", arguments: 1...400)
    func plan(_ tenths: Int) throws {
        let deviation = exp2(Double(tenths) / 10)
        let plan = DiscreteGaussian.plan(deviation)
        let factor = Double(plan.factor)
        #expect(plan.base <= 341 * (1 + 0x1p-49))
        let square = (0..<plan.levels).reduce(0.0) { sum, _ in sum * factor * factor + 1 }
        #expect(plan.base * square.squareRoot() >= deviation)
        #expect(abs(plan.base * square.squareRoot() / deviation - 1) < 1e-14)
        if plan.levels > 1 {
            #expect(plan.base >= DiscreteGaussian.smoothing * (1 + factor * factor).squareRoot())
        }
        #expect(plan.levels <= 6)
    }
}
