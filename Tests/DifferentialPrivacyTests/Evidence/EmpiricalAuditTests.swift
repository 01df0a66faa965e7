import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

/// Attacks the released numbers and compares what that proves with what is claimed.
@Suite("Empirical audits", .tags(.numerics, .slow))
struct EmpiricalAuditTests {
    /// ε of one release with noise multiplier z at δ: δ(ε) = Φ(1/2z − εz) − exp(ε)·Φ(−1/2z − εz).
    private func claim(noiseMultiplier z: Double, delta: Double) -> Double {
        func normal(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
        var (low, high) = (0.0, 100.0)
        for _ in 0..<100 {
            let epsilon = (low + high) / 2
            let found = normal(1 / (2 * z) - epsilon * z) - exp(epsilon) * normal(-1 / (2 * z) - epsilon * z)
            if found > delta { low = epsilon } else { high = epsilon }
        }
        return high
    }

    /// Runs rounds with and without a canary, and guesses from the released mean.
    private func audit(
        trials: Int,
        noiseMultiplier: Double,
        threshold: Double,
        clips: Bool = true
    ) throws -> EmpiricalAudit {
        let dimension = 4
        let grid = try FixedPointGrid(clippingNorm: 0.5, dimension: dimension)
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: noiseMultiplier)
        // Longer than it may be, in no axis's direction.
        let canary: [Float] = [3, -4, 5, 1]
        let direction = canary.map { Double($0) / norm(canary) }
        var generator = CounterGenerator(seed: 6)
        let others = (0..<3).map { _ in generator.vector(dimension, scale: 0.1) }
        let encoded = try others.map { grid.decode(try grid.encode($0)) }
        let base = (0..<dimension).map { index in encoded.reduce(0.0) { $0 + Double($1[index]) } }
        let key = try NoiseKey.fixed()
        let blocks = 100
        let parts = try Concurrency.map(blocks) { block in
            var audit = EmpiricalAudit(trials: 0)
            for trial in 0..<2 * trials / blocks {
                let noise = mechanism.noise(from: key.derived(for: "\(block)/\(trial)"), threads: 1)
                var sum = PrivateSum(startingWith: noise, on: grid)
                for other in others { try sum.add(other, threads: 1) }
                let isPresent = trial.isMultiple(of: 2)
                if isPresent {
                    for _ in 0..<(clips ? 1 : 3) { try sum.add(canary, threads: 1) }
                }
                let released = sum.mean(over: 10, threads: 1)
                // How far the release lies in the canary's direction, in clipping norms.
                let score =
                    zip(zip(released, base), direction).reduce(0.0) { $0 + (10 * Double($1.0.0) - $1.0.1) * $1.1 } / 0.5
                if isPresent { audit.trials += 1 }
                if score > threshold {
                    if isPresent { audit.truePositives += 1 } else { audit.falsePositives += 1 }
                }
            }
            return audit
        }
        return parts.reduce(into: EmpiricalAudit(trials: 0)) { all, part in
            all.trials += part.trials
            all.truePositives += part.truePositives
            all.falsePositives += part.falsePositives
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let noiseMultiplier: Double
        let delta: Double
        /// In clipping norms, chosen before the trials where the two rates are far apart and both can be measured.
        let threshold: Double
        let trials: Int
        var testDescription: String { "z = \(noiseMultiplier), δ = \(delta)" }
    }

    @Test(
        "find at least 0.7 of the ε that is claimed for one release, and never more than all of it",
        arguments: [
            Case(noiseMultiplier: 1, delta: 1e-3, threshold: 3, trials: LongRun.count(1_000_000, otherwise: 40_000)),
            Case(noiseMultiplier: 2, delta: 1e-2, threshold: 4, trials: LongRun.count(1_000_000, otherwise: 40_000)),
            Case(
                noiseMultiplier: 0.7,
                delta: 1e-3,
                threshold: 2.6,
                trials: LongRun.count(1_000_000, otherwise: 40_000)
            ),
        ]
    )
    func oneRelease(_ test: Case) throws {
        let audit = try audit(
            trials: test.trials,
            noiseMultiplier: test.noiseMultiplier,
            threshold: test.threshold
        )
        let claim = claim(noiseMultiplier: test.noiseMultiplier, delta: test.delta)
        let found = audit.epsilonLowerBound(delta: test.delta)
        #expect(found <= claim, "found \(found) of \(claim)")
        #expect(found >= 0.7 * claim, "found \(found) of \(claim)")
    }

    @Test("find out when a participant has three times the weight that it is due")
    func broken() throws {
        let audit = try audit(trials: 20_000, noiseMultiplier: 1, threshold: 2, clips: false)
        #expect(audit.epsilonLowerBound(delta: 1e-3) > claim(noiseMultiplier: 1, delta: 1e-3))
    }

    @Test("have claims that agree with the published table")
    func claims() {
        #expect(abs(claim(noiseMultiplier: 1, delta: 1e-5) - 4.377178) < 1e-6)
        #expect(abs(claim(noiseMultiplier: 2, delta: 1e-6) - 2.254085) < 1e-6)
    }
}
