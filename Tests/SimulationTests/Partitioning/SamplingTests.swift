import Foundation
import LinearAlgebra
import Testing

@testable import Simulation

@Suite("Random draws of partitions")
struct SamplingTests {
    private static let count = 40_000

    @Test("Gamma deviates have the mean and the variance of their shape", arguments: [0.3, 1, 2.5, 50])
    func gamma(shape: Double) {
        var generator = CounterGenerator(seed: 7)
        let values = (0..<Self.count).map { _ in exp(generator.logarithmOfGamma(shape: shape)) }
        let mean = values.reduce(0, +) / Double(Self.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(Self.count)
        // Mean and variance are the shape; five standard errors.
        #expect(abs(mean - shape) < 5 * (shape / Double(Self.count)).squareRoot())
        #expect(abs(variance - shape) < 5 * ((2 * shape * shape + 6 * shape) / Double(Self.count)).squareRoot())
    }

    @Test("A tiny shape leaves finite logarithms where the deviates themselves would vanish")
    func tinyShape() {
        var generator = CounterGenerator(seed: 7)
        let logarithms = (0..<1000).map { _ in generator.logarithmOfGamma(shape: 1e-6) }
        #expect(logarithms.allSatisfy { $0.isFinite })
        #expect(logarithms.count { exp($0) == 0 } > 900)
    }

    @Test("Dirichlet proportions sum to 1 and have the variance of their alpha", arguments: [1e-6, 0.1, 1, 100])
    func dirichlet(alpha: Double) {
        var generator = CounterGenerator(seed: 3)
        let (draws, count) = (4000, 5)
        var (sum, squares) = (0.0, 0.0)
        for _ in 0..<draws {
            let proportions = generator.dirichlet(alpha: alpha, count: count)
            #expect(abs(proportions.reduce(0, +) - 1) < 1e-12)
            sum += proportions[2]
            squares += proportions[2] * proportions[2]
        }
        let mean = sum / Double(draws)
        let variance = squares / Double(draws) - mean * mean
        // p ~ Dir(α): E p = 1/K, Var p = (1/K)(1 − 1/K)/(Kα + 1).
        let expected = 0.2 * 0.8 / (5 * alpha + 1)
        #expect(abs(mean - 0.2) < 5 * (expected / Double(draws)).squareRoot())
        #expect(abs(variance / expected - 1) < 0.12)
    }

    @Test("Proportions of those that may have nothing are 0, and all are equal where nobody may")
    func exclusion() {
        var generator = CounterGenerator(seed: 3)
        let proportions = generator.dirichlet(alpha: 0.01, count: 4) { $0 != 1 }
        #expect(proportions[1] == 0 && abs(proportions.reduce(0, +) - 1) < 1e-12)
        #expect(generator.dirichlet(alpha: 1, count: 4) { _ in false } == [0.25, 0.25, 0.25, 0.25])
    }

    @Test("A shuffle keeps every element, and each place is equally likely")
    func shuffle() {
        var generator = CounterGenerator(seed: 9)
        var places = [0, 0, 0, 0]
        for _ in 0..<8000 {
            let shuffled = generator.shuffled(0..<4)
            #expect(shuffled.sorted() == [0, 1, 2, 3])
            places[shuffled.firstIndex(of: 0) ?? 0] += 1
        }
        // 2000 each, with a standard deviation of 39.
        #expect(places.allSatisfy { abs($0 - 2000) < 200 })
    }

    @Test("Pieces by number differ by one at most, and pieces by proportion leave nothing over")
    func pieces() {
        #expect(Partitioner.pieces(of: Array(0..<7), count: 3) == [[0, 1, 2], [3, 4], [5, 6]])
        let pieces = Partitioner.pieces(of: Array(0..<10), proportions: [0.25, 0, 0.3, 0.45])
        #expect(pieces.map(Array.init) == [[0, 1], [], [2, 3, 4], [5, 6, 7, 8, 9]])
    }
}
