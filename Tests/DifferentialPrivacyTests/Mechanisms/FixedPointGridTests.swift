import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Fixed-point grids", .tags(.numerics))
struct FixedPointGridTests {
    @Test(
        "have power-of-two spacing, and steps enough for their dimension",
        arguments: [1e-25, 0.3, 1, 1.9999, 2, 777, 1e25],
        [1, 2, 300_000, 10_000_000, 1 << 30, 1 << 34]
    )
    func spacing(clippingNorm: Double, dimension: Int) throws {
        let grid = try FixedPointGrid(clippingNorm: clippingNorm, dimension: dimension)
        #expect(grid.spacing.significand == 1)
        #expect(1 << 20 <= grid.bound && grid.bound < 1 << 24)
        #expect(Double(grid.bound) >= 64 * Double(dimension).squareRoot() * (1 - 1e-6))
        #expect(Double(grid.bound) * grid.spacing <= clippingNorm)
        #expect(Double(grid.bound + 1) * grid.spacing > clippingNorm)
    }

    @Test("refuse norms and dimensions out of range")
    func refusal() {
        for norm in [0, -1, .nan, .infinity, 1e-30, 1e30] {
            let error = #expect(throws: PrivacyError.self) { try FixedPointGrid(clippingNorm: norm, dimension: 5) }
            #expect(error.map { "\($0)".contains("clipping_norm") } == true)
        }
        for dimension in [0, -3, 1 << 34 + 1, .max] {
            #expect(throws: PrivacyError.self) { try FixedPointGrid(clippingNorm: 1, dimension: dimension) }
        }
    }

    @Test("round what is within the norm to the nearest step, ties to even")
    func rounding() throws {
        let grid = try FixedPointGrid(clippingNorm: 1, dimension: 8)
        #expect(grid.spacing == 0x1p-20)
        let step = Float(grid.spacing)
        let update = try grid.encode([0.5, 1.5, 2.5, -0.5, -1.5, 2.49, -7, 0].map { $0 * step })
        #expect(update == EncodedUpdate(steps: [0, 2, 2, 0, -2, 2, -7, 0], isClipped: false))
    }

    @Test("give steps back unchanged", arguments: [1, 17, 4_000, 100_000])
    func idempotence(dimension: Int) throws {
        var generator = CounterGenerator(seed: 3)
        for scale in [1e-4, 0.02, 30] {
            let grid = try FixedPointGrid(clippingNorm: 0.7, dimension: dimension)
            let once = try grid.encode(generator.vector(dimension, scale: scale))
            let again = try grid.encode(grid.decode(once))
            #expect(again.steps == once.steps)
            #expect(!again.isClipped)
            #expect(once.squaredNorm <= UInt128(grid.bound * grid.bound))
        }
    }

    @Test("scale what is longer to the norm, and say so", arguments: [2, 1_000, 70_000])
    func clipping(dimension: Int) throws {
        var generator = CounterGenerator(seed: 4)
        let update = generator.vector(dimension)
        let length = norm(update)
        let grid = try FixedPointGrid(clippingNorm: length / 3, dimension: dimension)
        let encoded = try grid.encode(update)
        #expect(encoded.isClipped)
        let bound = Double(grid.bound)
        #expect(Double(encoded.squaredNorm).squareRoot() <= bound)
        #expect(Double(encoded.squaredNorm).squareRoot() > bound * (1 - 1e-5))
        // In the same direction: each number is a third, to within a step and 10⁻⁵.
        for (number, found) in zip(update, grid.decode(encoded)) {
            #expect(abs(Double(number) / 3 - Double(found)) <= grid.spacing + 1e-5 * abs(Double(number)))
        }
        #expect(try !FixedPointGrid(clippingNorm: length * 1.001, dimension: dimension).encode(update).isClipped)
    }

    @Test("shrink what rounding made too long")
    func manyRoundedUp() throws {
        // 2²⁰ numbers within the norm that each round up by nearly half a step, and beyond it.
        let dimension = 1 << 20
        let grid = try FixedPointGrid(clippingNorm: 1 + 0.9 / 1024, dimension: dimension)
        #expect(grid.bound == Int(1024.9 * 1024))
        let update = [Float](repeating: Float(1024.5001 * grid.spacing), count: dimension)
        let fit = try grid.fit(StoredChange(update), threads: 2)
        #expect(!fit.isClipped && fit.shrink < GridSteps.unshrunk)
        let encoded = try grid.encode(update)
        #expect(encoded.squaredNorm <= UInt128(grid.bound * grid.bound))
        #expect(Double(encoded.squaredNorm).squareRoot() > Double(grid.bound) * 0.999)
        let shorter = [Float](repeating: Float(1023.5001 * grid.spacing), count: dimension)
        #expect(try grid.fit(StoredChange(shorter), threads: 2).shrink == GridSteps.unshrunk)
    }

    @Test("shrink integers of any norm to the bound", arguments: [1, 1_000, 12_345_678])
    func shrink(_ magnitude: Int32) throws {
        let grid = try FixedPointGrid(clippingNorm: 3, dimension: 5)
        let bound = UInt128(grid.bound)
        for excess in 0..<2_000 as Range<UInt128> {
            let square = bound * bound + excess * excess * UInt128(magnitude)
            let shrink = UInt128(grid.shrink(forSquaredNorm: square))
            // (s/2³⁰)²·N² ≤ Δ², in integers.
            #expect(shrink * shrink * (square >> 20) <= (bound * bound) << 40)
            #expect((shrink == 1 << 30) == (excess == 0))
        }
        #expect(grid.shrink(forSquaredNorm: 1 << 96) == UInt32(grid.bound >> 18))
    }

    @Test(
        "refuse what is not finite, wherever it stands",
        arguments: [Float.infinity, -.infinity, .nan, .signalingNaN]
    )
    func notFinite(_ number: Float) throws {
        let dimension = 40_000
        let grid = try FixedPointGrid(clippingNorm: 3, dimension: dimension)
        for place in [0, 16_384, dimension - 1] {
            var update = [Float](repeating: 0.001, count: dimension)
            update[place] = number
            #expect(throws: PrivacyError.notFinite) { try grid.encode(update) }
        }
        #expect(throws: PrivacyError.dimension(expected: dimension, found: 3)) { try grid.encode([1, 2, 3]) }
    }

    @Test("take the largest and the smallest floats")
    func extremes() throws {
        let dimension = 1_000
        for clippingNorm in [1e-20, 1, 1e20] {
            let grid = try FixedPointGrid(clippingNorm: clippingNorm, dimension: dimension)
            for number in [Float.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0, -.greatestFiniteMagnitude] {
                let encoded = try grid.encode([Float](repeating: number, count: dimension))
                #expect(encoded.isClipped == (number.magnitude > 1))
                #expect(encoded.squaredNorm <= UInt128(grid.bound * grid.bound))
                #expect((encoded.squaredNorm > 0) == (number.magnitude > 1))
            }
        }
    }
}
