import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

struct AsynchronousJobFileTests {
    /// A job with room for more sections; `cohort` has a size alone.
    private func text(strategy: String = "{name: flexlora}", cohort: String = "{size: 4}", _ more: String) -> String {
        """
        name: job
        model: model
        task: causal-lm
        adapter: {r: 8, lora_alpha: 16, target_modules: [q_proj]}
        strategy: \(strategy)
        rounds: 10
        cohort: \(cohort)
        \(more)
        """
    }

    @Test("reads every key, and takes FedBuff's values for what is left out")
    func reads() throws {
        let all = """
            asynchronous:
              buffer: 3
              maximum_staleness: 0
              staleness_exponent: 1.5
              normalization: weights
              learning_rate: 0.25
            """
        let job = try JobFile.parse(text(all))
        #expect(
            job.asynchronous
                == .init(
                    buffer: 3,
                    maximumStaleness: 0,
                    stalenessExponent: 1.5,
                    normalization: .weights,
                    learningRate: 0.25
                )
        )
        #expect(job.asynchronous?.aggregation.staleness == .polynomial(exponent: 1.5))
        let standard = try #require(try JobFile.parse(text("asynchronous: {}")).asynchronous)
        #expect(standard == .init(buffer: 10, maximumStaleness: 20, normalization: .count, learningRate: 1))
        #expect(standard.aggregation == BufferedAggregation(maximumStaleness: 20))
        #expect(try JobFile.parse(text("")).asynchronous == nil)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var strategy = "{name: flexlora}"
        var cohort = "{size: 4}"
        var more = "asynchronous: {}"
        let expected: String

        var testDescription: String { "\(strategy) \(cohort) \(more)" }
    }

    @Test(
        "refuses what does not go with asynchronous rounds, by the name of the key",
        arguments: [
            Refusal(
                strategy: "{name: flora}",
                expected: """
                    `strategy.name` in line 5 is 'flora', which changes the base model every round, so clients of different \
                    rounds train different models, and asynchronous rounds mix updates of several. Use a strategy such as \
                    fedavg, ffa-lora, rbla, fed-sb or flexlora, or synchronous rounds.
                    """
            ),
            Refusal(
                strategy: "{name: fedsa-lora}",
                expected: """
                    `strategy.name` in line 5 is 'fedsa-lora', which leaves a part of the adapter on its clients from round \
                    to round, and asynchronous rounds are not the same for all clients. Use a strategy such as fedavg, \
                    ffa-lora, rbla, fed-sb or flexlora, or remove `asynchronous`.
                    """
            ),
            Refusal(
                strategy: "{name: flexlora, mode: state}",
                expected: """
                    `strategy.mode` in line 5 is 'state', and asynchronous rounds add up what changed. Remove it, or remove \
                    `asynchronous`.
                    """
            ),
            Refusal(
                strategy: "{name: fedavg}",
                more: "robust: {rule: median}\nasynchronous: {buffer: 4}",
                expected: """
                    `robust.rule` in line 8 is 'median', and rules that compare the updates of one round are not offered \
                    with `asynchronous`. Remove it, or remove `asynchronous`.
                    """
            ),
            Refusal(
                more: "server_optimizer: {name: fedavgm}\nasynchronous: {buffer: 4}",
                expected: """
                    `server_optimizer.name` in line 8 is 'fedavgm', and server optimizers are not offered with \
                    `asynchronous`, whose `learning_rate` scales a step. Remove it, or remove `asynchronous`.
                    """
            ),
            Refusal(
                strategy: "{name: fedavg}",
                more: "training: {optimizer: sgd, scaffold: true}\nasynchronous: {buffer: 4}",
                expected: """
                    `training.scaffold` in line 8 cannot be used: control variates are those of one round for all clients. \
                    Remove it, or remove `asynchronous`.
                    """
            ),
            Refusal(
                cohort: "{size: 4, overselect: 1.5}",
                expected: """
                    `cohort.overselect` in line 7 is 1.5, and asynchronous rounds wait for nobody. Remove it: `cohort.size` \
                    is how many clients work at a time.
                    """
            ),
            Refusal(
                cohort: "{size: 4, patience: 4}",
                expected: """
                    `cohort.patience` in line 7 is for rounds that wait for their cohort, and asynchronous rounds wait for \
                    nobody. Remove it, or remove `asynchronous`.
                    """
            ),
            Refusal(
                more: "asynchronous: {buffer: 0}",
                expected:
                    "`asynchronous.buffer` in line 8 is 0, which is out of range. Write a whole number from 1 to 100000."
            ),
            Refusal(
                more: "asynchronous: {learning_rate: 0}",
                expected: """
                    `asynchronous.learning_rate` in line 8 is 0, which is out of range. Write a number above 0 and at most \
                    100.
                    """
            ),
            Refusal(
                more: "asynchronous: {maximum_staleness: 3, size: 4}",
                expected: "Unknown key `asynchronous.size` in line 8. Did you mean `cohort.size`?"
            ),
            Refusal(
                more: "asynchronous: {normalization: counts}",
                expected: """
                    `asynchronous.normalization` in line 8 is 'counts', which is not known. Did you mean `count`? Known: \
                    `count`, `weights`.
                    """
            ),
        ]
    )
    func refuses(_ test: Refusal) {
        let error = #expect(throws: JobFileError.self) {
            try JobFile.parse(text(strategy: test.strategy, cohort: test.cohort, test.more))
        }
        #expect(error?.description == test.expected)
    }

    @Test("reads stored jobs of before as synchronous ones, and others back as they were")
    func stored() throws {
        var job = JobConfiguration.sample()
        let older = try JSONEncoder().encode(job)
        #expect(!String(decoding: older, as: UTF8.self).contains("asynchronous"))
        #expect(try JSONDecoder().decode(JobConfiguration.self, from: older) == job)
        job.asynchronous = .init(buffer: 3, normalization: .weights)
        let newer = try JSONEncoder().encode(job)
        #expect(try JSONDecoder().decode(JobConfiguration.self, from: newer) == job)
    }
}
