import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

/// Sums with and without one participant, who sends whatever it likes: in integers, they never differ by more than stated.
@Suite("Sensitivity", .tags(.numerics))
struct SensitivityTests {
    private static let pairs = LongRun.count(1_000_000, otherwise: 20_000)

    @Test("of a sum to an update is at most the grid's bound, and reaches it")
    func updates() throws {
        var generator = CounterGenerator(seed: 1)
        var (violations, largest, otherReleases) = (0, 0.0, 0)
        let grids = try (0..<64).map { index in
            try FixedPointGrid(
                clippingNorm: exp(6 * generator.gaussian()),
                dimension: [1, 2, 3, 7, 64, 257, 1_000, 2_048][index % 8]
            )
        }
        let noises = try grids.map { try GaussianMechanism(grid: $0, noiseMultiplier: 0.5).noise(from: .fixed()) }
        for pair in 0..<Self.pairs {
            let place = Int(generator.next() % 64)
            let (grid, noise) = (grids[place], noises[place])
            var without = PrivateSum(startingWith: noise, on: grid)
            for _ in 0..<Int(generator.next() % 3) {
                try without.add(hostile(on: grid, kind: Int(generator.next() % 12), &generator), threads: 1)
            }
            var with = without
            let update = hostile(on: grid, kind: pair % 12, &generator)
            try with.add(update, threads: 1)
            // What a round releases is the mean of this very sum.
            let change = StoredChange(update)
            let release = try without.mean(adding: [change], over: 7, cutInto: change.lengths, threads: 1).mean
            if release[0] != with.mean(over: 7, threads: 1) { otherReleases += 1 }
            let square = squaredDistance(with, without)
            if square > UInt128(grid.bound * grid.bound) { violations += 1 }
            largest = max(largest, Double(square).squareRoot() / Double(grid.bound))
        }
        #expect(violations == 0)
        #expect(otherReleases == 0)
        // The bound is not loose: updates come within 10⁻⁶ of it.
        #expect(largest > 1 - 1e-6)
    }

    @Test("of a sum to steps is at most the grid's bound, and reaches it")
    func steps() throws {
        var generator = CounterGenerator(seed: 2)
        var (violations, largest) = (0, 0.0)
        for pair in 0..<Self.pairs {
            let grid = try FixedPointGrid(clippingNorm: exp(6 * generator.gaussian()), dimension: 1 + pair % 97)
            let without = PrivateSum(startingWith: .none(on: grid), on: grid)
            var with = without
            // From a few steps to all that 32 bits hold.
            let range = Int64(1) << Int64(1 + generator.next() % 32)
            let steps = (0..<grid.dimension).map { _ in
                Int32(clamping: Int64(bitPattern: generator.next()) % range - range / 2)
            }
            try with.add(EncodedUpdate(steps: steps, isClipped: false), threads: 1)
            let square = squaredDistance(with, without)
            if square > UInt128(grid.bound * grid.bound) { violations += 1 }
            largest = max(largest, Double(square).squareRoot() / Double(grid.bound))
        }
        #expect(violations == 0)
        #expect(largest > 1 - 1e-6)
    }

    private func squaredDistance(_ a: PrivateSum, _ b: PrivateSum) -> UInt128 {
        zip(a.steps, b.steps).reduce(0) { sum, pair in
            let difference = UInt128((pair.0 - pair.1).magnitude)
            return sum + difference * difference
        }
    }

    /// What a participant might send to get more weight than it is due.
    private func hostile(on grid: FixedPointGrid, kind: Int, _ generator: inout CounterGenerator) -> [Float] {
        let (count, step) = (grid.dimension, grid.spacing)
        let even = grid.clippingNorm / Double(count).squareRoot()
        switch kind {
        case 0: return generator.vector(count, scale: even * exp(3 * generator.gaussian()))
        // At rounding ties, which all go up or all go down.
        case 1: return (0..<count).map { _ in Float((2 * (even / step / 2).rounded(.down) + 1.5) * step) }
        case 2: return (0..<count).map { _ in Float(-(2 * (even / step / 2).rounded(.down) + 0.5) * step) }
        // Just above and just below the norm.
        case 3: return [Float](repeating: Float(even).nextUp, count: count)
        case 4: return scaled(generator.vector(count), to: grid.clippingNorm * (1 + 1e-7))
        case 5: return scaled(generator.vector(count), to: grid.clippingNorm * (1 - 1e-7))
        case 6: return [Float](repeating: Float.greatestFiniteMagnitude, count: count)
        case 7: return [Float](repeating: Float.leastNonzeroMagnitude, count: count)
        // Many numbers that each round up.
        case 8: return [Float](repeating: Float(((even / step).rounded(.down) + 0.5001) * step), count: count)
        case 9: return [Float](repeating: Float(0.5001 * step), count: count)
        // All of it in one number, at the bound.
        case 10:
            var update = [Float](repeating: 0, count: count)
            update[Int(generator.next() % UInt64(count))] = Float((Double(grid.bound) + 0.499) * step)
            return update
        // Thirty decimal orders of magnitude.
        default: return (0..<count).map { _ in Float(even * exp(70 * (generator.uniform() - 0.5))) }
        }
    }

    private func scaled(_ update: [Float], to length: Double) -> [Float] {
        let scale = length / max(norm(update), 1e-30)
        return update.map { Float(Double($0) * scale) }
    }
}
