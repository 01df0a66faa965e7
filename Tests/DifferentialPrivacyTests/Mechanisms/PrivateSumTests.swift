import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Private sums", .tags(.numerics))
struct PrivateSumTests {
    private let dimension = 40_000
    private let grid: FixedPointGrid
    private let updates: [[Float]]

    init() throws {
        grid = try FixedPointGrid(clippingNorm: 1.5, dimension: dimension)
        var generator = CounterGenerator(seed: 8)
        // Two within the norm, two beyond it.
        updates = [0.001, 0.004, 0.01, 5].map { generator.vector(40_000, scale: $0) }
    }

    private func sum(_ updates: [[Float]], noise: GridNoise? = nil, threads: Int = 2) throws -> PrivateSum {
        var sum = PrivateSum(startingWith: noise ?? .none(on: grid), on: grid)
        for update in updates { try sum.add(update, threads: threads) }
        return sum
    }

    @Test("add what was encoded, whoever encoded it")
    func encoded() throws {
        let encoded = try updates.map { try grid.encode($0) }
        #expect(encoded.map(\.isClipped) == [false, false, true, true])
        var expected = [Int64](repeating: 0, count: dimension)
        for update in encoded {
            for (index, step) in update.steps.enumerated() { expected[index] += Int64(step) }
        }
        #expect(try sum(updates).steps == expected)
        #expect(try sum(encoded.map(grid.decode)).steps == expected)
        var ofSteps = PrivateSum(startingWith: .none(on: grid), on: grid)
        for update in encoded { try ofSteps.add(update) }
        #expect(ofSteps.steps == expected)
        #expect(ofSteps.count == 4)
    }

    @Test("are the same in any order and on any number of threads")
    func order() throws {
        let noise = try GaussianMechanism(grid: grid, noiseMultiplier: 0.8).noise(from: .fixed())
        let one = try sum(updates, noise: noise, threads: 1)
        #expect(try sum(updates.reversed(), noise: noise, threads: 3).steps == one.steps)
        #expect(one.mean(over: 4, threads: 1) == one.mean(over: 4, threads: 3))
    }

    @Test("begin with the noise")
    func noise() throws {
        let noise = try GaussianMechanism(grid: grid, noiseMultiplier: 0.8).noise(from: .fixed())
        let (noised, exact) = try (sum(updates, noise: noise), sum(updates))
        #expect(zip(noised.steps, exact.steps).map(-) == noise.steps)
        // An empty cohort releases noise.
        let empty = try sum([], noise: noise)
        #expect(empty.steps == noise.steps)
        let deviation = norm(empty.mean(over: 50)) / Double(dimension).squareRoot()
        // z·C over the fixed denominator; 40,000 numbers give it to within 0.35 %.
        #expect(abs(deviation / (0.8 * 1.5 / 50) - 1) < 0.02)
    }

    @Test("divide by what was fixed before, not by how many there were")
    func denominator() throws {
        let mean = try sum(updates).mean(over: 10)
        let expected = try updates.map { grid.decode(try grid.encode($0)) }
        for index in stride(from: 0, to: dimension, by: 97) {
            let exact = expected.reduce(0.0) { $0 + Double($1[index]) } / 10
            #expect(mean[index] == Float(exact))
        }
    }

    @Test("are the same in one pass over changes, wherever their tensors begin", arguments: [1, 3])
    func changes(threads: Int) throws {
        let noise = try GaussianMechanism(grid: grid, noiseMultiplier: 0.8).noise(from: .fixed())
        var generator = CounterGenerator(seed: 9)
        // The first tensor ends within a piece, the second is a piece long, the third is nothing, and one began with zeros.
        let lengths = [20_000, GridSteps.pieceLength, 0, 3_616]
        #expect(lengths.reduce(0, +) == dimension)
        var changes: [StoredChange] = []
        var differences: [[Float]] = []
        for update in updates {
            var change = StoredChange()
            var difference: [Float] = []
            for (index, length) in lengths.enumerated() {
                let numbers = Array(update[difference.count..<difference.count + length])
                let start = generator.vector(length)
                let own = zip(numbers, start).map { $0 + $1 }
                let stored = StoredMatrix(Matrix(rows: 1, columns: length, elements: index == 1 ? numbers : own))
                change.append(
                    stored,
                    since: index == 1 ? nil : StoredMatrix(Matrix(rows: 1, columns: length, elements: start))
                )
                difference += index == 1 ? numbers : zip(own, start).map { $0 - $1 }
            }
            changes.append(change)
            differences.append(difference)
        }
        let expected = try sum(differences, noise: noise)
        let found = try PrivateSum(startingWith: noise, on: grid)
            .mean(adding: changes, over: 7, cutInto: changes[0].lengths, threads: threads)
        #expect(found.mean.map(\.count) == lengths)
        #expect(Array(found.mean.joined()) == expected.mean(over: 7))
        #expect(found.clippedCount == 2)
        // What was added before counts as well.
        let later = try sum([differences[0]], noise: noise)
            .mean(adding: Array(changes[1...]), over: 7, cutInto: [1, dimension - 1], threads: threads)
        #expect(Array(later.mean.joined()) == expected.mean(over: 7))
        #expect(throws: PrivacyError.dimension(expected: dimension, found: 1)) {
            try expected.mean(adding: [StoredChange([1])], over: 7, cutInto: lengths)
        }
        #expect(throws: PrivacyError.notFinite) {
            try expected.mean(adding: [StoredChange(updates[0].dropLast() + [.nan])], over: 7, cutInto: lengths)
        }
    }

    @Test("shrink in one pass what rounding made too long")
    func roundedUp() throws {
        // 2²⁰ numbers within the norm that each round up by nearly half a step, and beyond it.
        let dimension = 1 << 20
        let grid = try FixedPointGrid(clippingNorm: 1 + 0.9 / 1024, dimension: dimension)
        let update = [Float](repeating: Float(1024.5001 * grid.spacing), count: dimension)
        #expect(try grid.fit(StoredChange(update), threads: 2).shrink < GridSteps.unshrunk)
        var sum = PrivateSum(startingWith: .none(on: grid), on: grid)
        let found = try sum.mean(
            adding: [StoredChange(update), StoredChange(update.map { $0 / 3 })],
            over: 2,
            cutInto: [dimension]
        )
        try sum.add(update)
        try sum.add(update.map { $0 / 3 })
        #expect(found.mean == [sum.mean(over: 2)])
    }

    @Test("clip steps that a client did not clip")
    func hostileSteps() throws {
        for steps in [Int32.min, .max, 1 << 24] {
            var sum = PrivateSum(startingWith: .none(on: grid), on: grid)
            try sum.add(EncodedUpdate(steps: [Int32](repeating: steps, count: dimension), isClipped: false))
            let square = sum.steps.reduce(UInt128(0)) { $0 + UInt128($1.magnitude) * UInt128($1.magnitude) }
            #expect(square <= UInt128(grid.bound * grid.bound))
            #expect(sum.steps.allSatisfy { ($0 < 0) == (steps < 0) && $0 != 0 })
        }
    }

    @Test("noise one update alone, before it leaves its owner")
    func local() throws {
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: 0.5)
        let noise = try mechanism.noise(from: .fixed())
        let found = try mechanism.noised(StoredChange(updates[3]), by: noise)
        #expect(found.isClipped)
        let clipped = grid.decode(try grid.encode(updates[3]))
        for index in stride(from: 0, to: dimension, by: 97) {
            let exact = Double(clipped[index]) + Double(noise.steps[index]) * grid.spacing
            #expect(found.update[0][index] == Float(exact))
        }
    }

    @Test("take sums of terms that were clipped where they were computed")
    func terms() throws {
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: 0.5)
        // What is left for rounding: a step in each number, and a thousandth.
        #expect(mechanism.termNorm < 1.5 * (1 - 0x1p-10))
        #expect(mechanism.termNorm > 1.5 * (1 - 0x1p-10 - 2e-4))
        // A sum may be longer than any of its terms.
        let sum = updates[2].map { 50 * $0 }
        let noise = try mechanism.noise(from: .fixed())
        let mean = try mechanism.noisedMean(ofTerms: sum, noise: noise, over: 8)
        for index in stride(from: 0, to: dimension, by: 97) {
            let exact = (Double(sum[index]) + Double(noise.steps[index]) * grid.spacing) / 8
            #expect(abs(Double(mean[index]) - exact) < grid.spacing + 1e-6 * abs(exact))
        }
        var broken = sum
        broken[7] = .infinity
        #expect(throws: PrivacyError.notFinite) { try mechanism.noisedMean(ofTerms: broken, noise: noise, over: 8) }
        #expect(throws: PrivacyError.dimension(expected: dimension, found: 1)) {
            try mechanism.noisedMean(ofTerms: [1], noise: noise, over: 8)
        }
    }

    @Test("take sums that are a thousand times as long as a term")
    func alignedTerms() throws {
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: 0.5)
        let noise = try mechanism.noise(from: .fixed())
        // Every one of a thousand terms has all of its norm in the same number.
        var sum = [Float](repeating: 0, count: dimension)
        sum[3] = 1_500
        sum[dimension - 1] = -1_500
        let mean = try mechanism.noisedMean(ofTerms: sum, noise: noise, over: 1_000)
        for index in [3, 4, dimension - 1] {
            let exact = (Double(sum[index]) + Double(noise.steps[index]) * grid.spacing) / 1_000
            #expect(abs(Double(mean[index]) - exact) < grid.spacing + 1e-6 * abs(exact), "\(index)")
        }
    }

    @Test("stay as they are when an update is refused")
    func refusal() throws {
        var sum = try sum(Array(updates.prefix(2)))
        let before = sum.steps
        var update = updates[2]
        update[dimension - 1] = .nan
        #expect(throws: PrivacyError.notFinite) { try sum.add(update) }
        #expect(throws: PrivacyError.dimension(expected: dimension, found: 2)) { try sum.add([1, 2]) }
        #expect(throws: PrivacyError.dimension(expected: dimension, found: 1)) {
            try sum.add(EncodedUpdate(steps: [1], isClipped: false))
        }
        #expect(sum.steps == before && sum.count == 2)
    }

    @Test("have a mechanism only where its noise can be drawn", arguments: [0, -1, .nan, .infinity, 1e9])
    func multiplier(_ noiseMultiplier: Double) {
        #expect(throws: PrivacyError.self) { try GaussianMechanism(grid: grid, noiseMultiplier: noiseMultiplier) }
    }

    @Test("draw a little more noise than the multiplier says, never less")
    func variance() throws {
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: 0.8)
        let least = 0.8 * Double(grid.bound)
        #expect(mechanism.sampler.deviation >= least)
        #expect(mechanism.sampler.deviation < least * (1 + 1e-9))
        #expect(mechanism.distance < 1e-20)
    }
}
