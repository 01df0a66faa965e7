import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Adaptive clipping norms", .tags(.numerics))
struct AdaptiveClippingNormTests {
    @Test("rise when all updates are clipped, and fall when none is")
    func golden() throws {
        // Andrew et al.: C·exp(−0.2·(b − 0.5)).
        var rising = try AdaptiveClippingNorm(expectedCount: 100)
        #expect(rising.update(unclippedCount: 0, of: 100, noise: .none) == 0)
        #expect(abs(rising.norm - 0.1105171) < 5e-8)
        var falling = try AdaptiveClippingNorm(expectedCount: 100)
        #expect(falling.update(unclippedCount: 100, of: 100, noise: .none) == 1)
        #expect(abs(falling.norm - 0.0904837) < 5e-8)
        var still = try AdaptiveClippingNorm(expectedCount: 100)
        #expect(still.update(unclippedCount: 50, of: 100, noise: .none) == 0.5)
        #expect(still.norm == 0.1)
    }

    @Test("count by what was expected, so an empty cohort moves nothing")
    func expectation() throws {
        var norm = try AdaptiveClippingNorm(expectedCount: 100)
        #expect(norm.update(unclippedCount: 0, of: 0, noise: .none) == 0.5)
        // (1/100)·(20 − 5) + 1/2
        #expect(abs(norm.update(unclippedCount: 35, of: 40, noise: .none) - 0.65) < 1e-12)
        #expect(norm.update(unclippedCount: 1_000, of: 1_000, noise: .none) == 1)
    }

    @Test("split the noise so that sum and count together have what was asked for")
    func split() throws {
        let norm = try AdaptiveClippingNorm(expectedCount: 100)
        #expect(norm.countDeviation == 5)
        #expect(abs(try norm.updateMultiplier(forTotal: 1) - 1.0050378) < 5e-8)
        for total in [0.3, 1, 7.5, 9.99] {
            let part = try norm.updateMultiplier(forTotal: total)
            // Both have sensitivity 1 in their own units, and 1/z² adds up.
            #expect(abs(1 / (part * part) + 1 / 100 - 1 / (total * total)) < 1e-12)
        }
        for total in [10, 11, 0, -1, .nan] {
            #expect(throws: PrivacyError.self) { try norm.updateMultiplier(forTotal: total) }
        }
    }

    @Test("draw the count's noise with the standard deviation stated")
    func noise() throws {
        let norm = try AdaptiveClippingNorm(expectedCount: 100, countDeviation: 2.5)
        let key = try NoiseKey.fixed()
        let count = 1_000
        let squares = try (0..<count).reduce(0.0) { sum, round in
            var moving = norm
            let noise = try norm.countNoise(from: key.derived(for: "\(round)"))
            // Half of a hundred are unclipped: what is off 1/2 is noise, a hundredth of it.
            let fraction = moving.update(unclippedCount: 50, of: 100, noise: noise)
            return sum + 1e4 * (fraction - 0.5) * (fraction - 0.5)
        }
        // 1,000 numbers give a deviation to within 2.2 %, one standard error.
        #expect(abs((squares / Double(count)).squareRoot() / 2.5 - 1) < 0.1)
        #expect(try norm.countNoise(from: key) == norm.countNoise(from: key))
    }

    @Test("move to the quantile of norms that differ, and follow it", arguments: [0.2, 0.5, 0.8])
    func convergence(quantile: Double) throws {
        var generator = CounterGenerator(seed: 5)
        var norm = try AdaptiveClippingNorm(targetQuantile: quantile, expectedCount: 200)
        let key = try NoiseKey.fixed()
        for round in 0..<150 {
            let norms = (0..<200).map { _ in 3 * exp(generator.gaussian()) }
            let unclipped = norms.count { $0 <= norm.norm }
            norm.update(
                unclippedCount: unclipped,
                of: 200,
                noise: try norm.countNoise(from: key.derived(for: "\(round)"))
            )
        }
        // The quantile of 3·exp(N(0, 1)); Φ⁻¹(0.8) = 0.8416.
        let expected = 3 * exp(quantile == 0.5 ? 0 : quantile < 0.5 ? -0.8416 : 0.8416)
        #expect(abs(log(norm.norm / expected)) < 0.15)
    }

    @Test("come back from a checkpoint")
    func coding() throws {
        var norm = try AdaptiveClippingNorm(norm: 3, expectedCount: 10)
        norm.update(unclippedCount: 3, of: 11, noise: .none)
        #expect(try JSONDecoder().decode(AdaptiveClippingNorm.self, from: JSONEncoder().encode(norm)) == norm)
    }

    @Test("refuse settings that make no sense")
    func refusal() {
        for norm in [0, -1, .nan, .infinity] {
            #expect(throws: PrivacyError.self) { try AdaptiveClippingNorm(norm: norm, expectedCount: 10) }
            #expect(throws: PrivacyError.self) { try AdaptiveClippingNorm(expectedCount: norm) }
            #expect(throws: PrivacyError.self) { try AdaptiveClippingNorm(learningRate: norm, expectedCount: 10) }
            #expect(throws: PrivacyError.self) { try AdaptiveClippingNorm(expectedCount: 10, countDeviation: norm) }
        }
        for quantile in [0, 1, -0.1, .nan] {
            #expect(throws: PrivacyError.self) { try AdaptiveClippingNorm(targetQuantile: quantile, expectedCount: 10) }
        }
    }
}
