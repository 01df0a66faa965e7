import Foundation
import Testing

@testable import DifferentialPrivacy

@Suite("The loss of one sampled step")
struct SampledGaussianLossTests {
    static let steps = [
        SampledGaussianLoss(noiseMultiplier: 1, rate: 1), SampledGaussianLoss(noiseMultiplier: 0.6, rate: 0.001),
        SampledGaussianLoss(noiseMultiplier: 3, rate: 0.2), SampledGaussianLoss(noiseMultiplier: 40, rate: 0.01),
    ]

    /// δ of one step by its definition: P(L > ε) − e^ε·P₀(L > ε).
    private func delta(_ step: SampledGaussianLoss, _ epsilon: Double) -> Double {
        let place = step.place(ofLoss: epsilon)
        return step.probability(above: place) - exp(epsilon) * NormalTail.above(place / step.noiseMultiplier)
    }

    @Test("place and loss are each other's inverse", arguments: steps)
    func inverse(_ step: SampledGaussianLoss) {
        for x in [-3.0, 0, 0.5, 1, 2, 5] {
            let place = step.place(ofLoss: step.loss(at: x * step.noiseMultiplier))
            #expect(abs(place - x * step.noiseMultiplier) < 1e-7 * step.noiseMultiplier)
        }
        #expect(step.rate == 1 || step.place(ofLoss: log1p(-step.rate) * 1.001) == -.infinity)
    }

    @Test("a split keeps the probabilities of both neighbours, narrow or wide", arguments: steps)
    func split(_ step: SampledGaussianLoss) {
        let z = step.noiseMultiplier
        for (start, width) in [(-1.0, 1e-3), (0.3, 0.2), (0.7, 1), (2, 0.4), (4, 0.01)] {
            let (from, to) = (start * z, (start + width) * z)
            let (a, b) = (step.loss(at: from), step.loss(at: to))
            let (lower, upper) = step.split(from: from, to: to, loss: a, width: b - a)
            let without = NormalTail.between(from / z, to / z)
            let mass = (1 - step.rate) * without + step.rate * NormalTail.between((from - 1) / z, (to - 1) / z)
            #expect(lower > 0 && upper > 0)
            // Differences of tails lose as many digits as the cell is narrow.
            #expect(abs(lower + upper - mass) < 1e-9 * mass)
            #expect(abs(lower * exp(-a) + upper * exp(-b) - without) < 1e-9 * without)
        }
    }

    @Test("the grid's δ is the exact one at its losses, and above it between them", arguments: steps)
    func grid(_ step: SampledGaussianLoss) throws {
        let interval = step.loss(at: 2 * step.noiseMultiplier) / 16
        let grids = LossGrid.both(of: step, interval: interval, logTail: -60)
        func delta(_ grid: LossGrid, _ epsilon: Double) -> Double {
            grid.infinite
                + grid.logMasses.indices.reduce(0) { sum, place in
                    sum + exp(grid.logMasses[place]) * max(0, -expm1(epsilon - grid.loss(at: place)))
                }
        }
        for multiple in 0..<40 {
            let epsilon = Double(multiple) * interval
            let exact = self.delta(step, epsilon)
            // Cancellation leaves the exact formula about 1e-16 of 1, and the grid's reserve is e^−60.
            #expect(abs(delta(grids.removing, epsilon) - exact) < 1e-9 * exact + 1e-15)
            let between = epsilon + interval / 2
            #expect(delta(grids.removing, between) > self.delta(step, between) - 1e-15)
        }
        for grid in [grids.removing, grids.adding] {
            #expect(abs(grid.logMasses.reduce(grid.infinite) { $0 + exp($1) } - 1) < 1e-9)
            #expect(!grid.logMasses.contains { $0.isNaN })
        }
    }

    @Test(
        "one step's ε is that of the definition, also where few are sampled and noise is little",
        arguments: steps + [
            SampledGaussianLoss(noiseMultiplier: 1e-2, rate: 1e-9),
            SampledGaussianLoss(noiseMultiplier: 0.2, rate: 1e-5),
            SampledGaussianLoss(noiseMultiplier: 0.05, rate: 0.9), SampledGaussianLoss(noiseMultiplier: 0.5, rate: 0.5),
        ]
    )
    func oneStep(_ step: SampledGaussianLoss) throws {
        /// log δ by its definition, which loses digits near log P alone.
        func logDelta(_ epsilon: Double) -> Double {
            let (place, z) = (step.place(ofLoss: epsilon), step.noiseMultiplier)
            let with = log(step.rate) + NormalTail.logAbove((place - 1) / z)
            let upper = with + log1p((1 - step.rate) * exp(log(NormalTail.above(place / z)) - with))
            let lower = epsilon + NormalTail.logAbove(place / z)
            return upper + log1p(-exp(min(lower - upper, 0)))
        }
        let steps = NoisedSteps(noiseMultiplier: step.noiseMultiplier, sampling: .poisson(rate: step.rate))
        for delta in [1e-3, 1e-6, 1e-12, 1e-40] {
            let epsilon = try LossDistributionAccountant.epsilon(of: steps, delta: delta)
            guard epsilon > 0 else {
                #expect(logDelta(1e-9) <= log(delta))
                continue
            }
            #expect(logDelta(epsilon) <= log(delta))
            // Below e^−60, which is reserved for what the transform may get wrong, a bound is all there is.
            if delta > 1e-25 { #expect(logDelta(epsilon * 0.995) > log(delta)) }
        }
    }
}
