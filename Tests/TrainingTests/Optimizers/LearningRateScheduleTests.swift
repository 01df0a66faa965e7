import FederatedLearning
import TestSupport
import Testing

@testable import Training

@Suite("Learning rates over a job", .tags(.numerics))
struct LearningRateScheduleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let schedule: LearningRateSchedule
        let warmup: Int
        let expected: [Double]

        var testDescription: String { "\(schedule), \(warmup) of 24 steps to warm up" }
    }

    @Test(
        "are those of transformers' get_…_schedule_with_warmup at steps 0, 1, 5, 6, 7, 12 and 23 of 24",
        arguments: [
            Case(schedule: .constant, warmup: 0, expected: [1, 1, 1, 1, 1, 1, 1]),
            Case(schedule: .constant, warmup: 6, expected: [0, 0.166666667, 0.833333333, 1, 1, 1, 1]),
            Case(
                schedule: .linear,
                warmup: 0,
                expected: [1, 0.958333333, 0.791666667, 0.75, 0.708333333, 0.5, 0.041666667]
            ),
            Case(
                schedule: .linear,
                warmup: 6,
                expected: [0, 0.166666667, 0.833333333, 1, 0.944444444, 0.666666667, 0.055555556]
            ),
            Case(
                schedule: .cosine,
                warmup: 0,
                expected: [1, 0.995722431, 0.89667667, 0.853553391, 0.804380715, 0.5, 0.004277569]
            ),
            Case(
                schedule: .cosine,
                warmup: 6,
                expected: [0, 0.166666667, 0.833333333, 1, 0.992403877, 0.75, 0.007596123]
            ),
        ]
    )
    func golden(_ test: Case) {
        for (step, expected) in zip([0, 1, 5, 6, 7, 12, 23], test.expected) {
            // Four rounds of six steps are one job of twenty-four.
            let progress = JobProgress(round: step / 6 + 1, rounds: 4, stepCount: 6).before(step: step % 6 + 1)
            let factor = test.schedule.factor(at: progress, warmupRatio: Double(test.warmup) / 24)
            #expect(abs(factor - expected) < 1e-8, "step \(step)")
        }
    }

    @Test(
        "stay within 0 and 1 when everything is warm-up, and beyond the end",
        arguments: LearningRateSchedule.allCases
    )
    func limits(schedule: LearningRateSchedule) {
        #expect(schedule.factor(at: 0.5, warmupRatio: 1) == 0.5)
        // Asynchronous jobs may hand out orders beyond their last round.
        let late = JobProgress(round: 9, rounds: 4, stepCount: 6).before(step: 3)
        #expect(late == 1)
        #expect((0...1).contains(schedule.factor(at: late, warmupRatio: 0.1)))
    }
}
