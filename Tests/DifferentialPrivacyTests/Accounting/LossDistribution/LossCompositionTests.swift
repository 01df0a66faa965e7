import Foundation
import Testing

@testable import DifferentialPrivacy

@Suite("The sum of losses")
struct LossCompositionTests {
    private func composition(count: Int, isRemoved: Bool) -> LossComposition {
        let step = SampledGaussianLoss(noiseMultiplier: 1, rate: 0.05)
        let grids = LossGrid.both(of: step, interval: 1.0 / 256, logTail: -300)
        return LossComposition([(isRemoved ? grids.removing : grids.adding, count)])
    }

    @Test("the tilt changes how sharp an answer is, and never makes it too small", arguments: [true, false])
    func tilts(isRemoved: Bool) throws {
        let sum = composition(count: 200, isRemoved: isRemoved)
        for delta in [1e-3, 1e-6, 1e-12, 1e-40] {
            let best = sum.bestTilt(logDelta: log(delta), near: 5, within: 4)
            let exact = try #require(sum.epsilon(delta: delta, tilt: best))
            var answers = 0
            for factor in [1e-6, 1e-3, 0.1, 0.5, 2, 10] {
                guard let answer = sum.epsilon(delta: delta, tilt: best * factor) else { continue }
                answers += 1
                #expect(answer > exact * (1 - 1e-6))
            }
            #expect(answers > 0)
            let small = sum.smallestTilt(logDelta: log(delta), epsilon: exact, upTo: best)
            #expect(small <= best && sum.isSharp(small, epsilon: exact, logDelta: log(delta)))
            let answer = try #require(sum.epsilon(delta: delta, tilt: small))
            #expect(abs(answer - exact) < 1e-4 * exact)
        }
    }

    @Test("two kinds of steps are those of one kind when they are the same")
    func parts() throws {
        let step = SampledGaussianLoss(noiseMultiplier: 1, rate: 0.05)
        let grid = LossGrid.both(of: step, interval: 1.0 / 256, logTail: -60).removing
        let (together, apart) = (LossComposition([(grid, 30)]), LossComposition([(grid, 10), (grid, 20)]))
        let tilt = together.bestTilt(logDelta: log(1e-5), near: 5, within: 3)
        let epsilon = try #require(together.epsilon(delta: 1e-5, tilt: tilt))
        #expect(abs(try #require(apart.epsilon(delta: 1e-5, tilt: tilt)) - epsilon) < 1e-9 * epsilon)
    }

    @Test("moments are those of the definition")
    func moments() {
        let sum = composition(count: 1, isRemoved: true)
        #expect(abs(sum.logMoment(0)) < 1e-12)
        // At 1, E[e^L] = 1 + q²·(e^(1/z²) − 1), to the little that the grid adds.
        let exact = log1p(0.0025 * expm1(1))
        #expect(sum.logMoment(1) >= exact && sum.logMoment(1) < exact * 1.01)
    }
}
