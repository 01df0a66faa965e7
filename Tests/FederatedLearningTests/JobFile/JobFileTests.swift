import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

struct JobFileTests {
    static let complete = """
        name: sentiment-four-silos
        model: models/minilm
        task: sequence-classification
        labels: [very-negative, negative, neutral, positive, very-positive]
        adapter: {r: 16, lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
        strategy: {name: flexlora, mode: delta}
        server_optimizer: {name: none}
        rounds: 10
        cohort: {size: 4, minimum: 3, deadline: 10m, overselect: 1.5}
        training:
          epochs: 2
          max_steps: 20
          batch_size: 8
          max_length: 64
          optimizer: sgd
          learning_rate: 1.0e-3
          weight_decay: 0.01
          momentum: 0.9
        evaluation: {every: 2, sample: 200}
        privacy: {mechanism: none}
        seed: 18446744073709551615
        """

    @Test("reads every key of a job")
    func everyKey() throws {
        let job = try JobFile.parse(Self.complete)
        #expect(
            job
                == JobConfiguration(
                    name: "sentiment-four-silos",
                    model: "models/minilm",
                    task: .sequenceClassification,
                    labels: ["very-negative", "negative", "neutral", "positive", "very-positive"],
                    adapter: .init(
                        rank: 16,
                        alpha: 16,
                        targetModules: ["query", "value"],
                        modulesToSave: ["classifier"]
                    ),
                    strategy: .init(name: "flexlora", mode: .delta),
                    rounds: 10,
                    cohort: .init(size: 4, minimum: 3, deadline: .seconds(600), overselect: 1.5),
                    training: .init(
                        epochs: 2,
                        maximumSteps: 20,
                        batchSize: 8,
                        maximumLength: 64,
                        optimizer: .sgd,
                        learningRate: 1e-3,
                        weightDecay: 0.01,
                        momentum: 0.9
                    ),
                    evaluation: .init(every: 2, sample: 200),
                    seed: .max
                )
        )
    }

    @Test("derives what a short job leaves out")
    func defaults() throws {
        let job = try JobFile.parse(
            """
            name: short
            model: m
            task: sequence-classification
            labels: [no, yes, 1]
            adapter: {r: 4, lora_alpha: 8, target_modules: [query]}
            strategy: {name: flexlora}
            rounds: 3
            cohort: {size: 5}
            """
        )
        #expect(job.labels == ["no", "yes", "1"])
        #expect(job.cohort == .init(size: 5, minimum: 5, deadline: .seconds(600)))
        #expect(job.strategy == .init(name: "flexlora", mode: .delta))
        #expect(job.adapter.modulesToSave == ["classifier"])
        #expect(job.training == .init())
        #expect(job.evaluation == .init())
        #expect(job.seed == 1)
    }

    @Test("reads when a round ends before its deadline")
    func earlyEnds() throws {
        let text = Self.complete.replacingOccurrences(of: "overselect: 1.5", with: "patience: 4, replace_after: 30s")
        let cohort = try JobFile.parse(text).cohort
        #expect(cohort.patience == 4)
        #expect(cohort.replacementDelay == .seconds(30))
        let stored = try JSONEncoder().encode(cohort)
        #expect(try JSONDecoder().decode(JobConfiguration.Cohort.self, from: stored) == cohort)
    }

    @Test("reads a causal language model's job, which has no labels")
    func causalLanguageModel() throws {
        let job = try JobFile.parse(
            Self.complete
                .replacingOccurrences(of: "task: sequence-classification", with: "task: causal-lm")
                .replacingOccurrences(
                    of: "labels: [very-negative, negative, neutral, positive, very-positive]\n",
                    with: ""
                )
                .replacingOccurrences(of: ", modules_to_save: [classifier]", with: "")
        )
        #expect(job.task == .causalLanguageModel)
        #expect(job.labels.isEmpty)
        #expect(job.adapter.modulesToSave.isEmpty)
    }

    @Test("reads the same job from a file")
    func file() async throws {
        try await withTemporaryDirectory { folder in
            let url = folder.appendingPathComponent("job.yaml")
            try Data(Self.complete.utf8).write(to: url)
            #expect(try JobFile.read(at: url) == JobFile.parse(Self.complete))
            let error = #expect(throws: JobFileError.self) {
                try JobFile.read(at: folder.appendingPathComponent("missing.yaml"))
            }
            #expect(error?.description.contains("missing.yaml") == true)
        }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let replacing: String
        let with: String
        let expected: String

        var testDescription: String { with }

        init(_ replacing: String, _ with: String, _ expected: String) {
            self.replacing = replacing
            self.with = with
            self.expected = expected
        }
    }

    @Test(
        "says which key is wrong, where, and what to write",
        arguments: [
            // Unknown keys.
            Mistake("rounds: 10", "round: 10", "Unknown key `round` in line 8. Did you mean `rounds`?"),
            Mistake(
                "minimum: 3",
                "minimun: 3",
                "Unknown key `cohort.minimun` in line 9. Did you mean `cohort.minimum`?"
            ),
            Mistake(
                "batch_size: 8",
                "batchSize: 8",
                "Unknown key `training.batchSize` in line 13. Did you mean `training.batch_size`?"
            ),
            Mistake(
                "lora_alpha: 16",
                "alpha: 16",
                "Unknown key `adapter.alpha` in line 5. Did you mean `adapter.lora_alpha`?"
            ),
            Mistake(
                "rounds: 10",
                "rounds: 10\nlearning_rate: 0.1",
                "Unknown key `learning_rate` in line 9. Did you mean `training.learning_rate`?"
            ),
            Mistake(
                "every: 2",
                "whenever: 2",
                "Unknown key `evaluation.whenever` in line 19. Known there: `every`, `sample`, `clients`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: 10\n<<: {seed: 3}",
                "Unknown key `<<` in line 9. Known there: `name`, `model`, `task`, `labels`, `adapter`, `strategy`, `robust`, `server_optimizer`, `rounds`, `cohort`, `asynchronous`, `training`, `evaluation`, `privacy`, `seed`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: 10\n? [a, b]\n: 1",
                "Unknown key `?` in line 9. Known there: `name`, `model`, `task`, `labels`, `adapter`, `strategy`, `robust`, `server_optimizer`, `rounds`, `cohort`, `asynchronous`, `training`, `evaluation`, `privacy`, `seed`."
            ),
            // Missing keys and values.
            Mistake("rounds: 10\n", "", "The key `rounds` is missing. Write, for example, `rounds: 10`."),
            Mistake("r: 16, ", "", "The key `adapter.r` is missing. Write, for example, `r: 16`."),
            Mistake(
                "rounds: 10",
                "rounds:",
                "`rounds` in line 8 is without a value, but a value is needed. Write, for example, `rounds: 10`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: ~",
                "`rounds` in line 8 is without a value, but a value is needed. Write, for example, `rounds: 10`."
            ),
            // Wrong types.
            Mistake(
                "rounds: 10",
                "rounds: ten",
                "`rounds` in line 8 is 'ten', but a whole number is needed. Write, for example, `rounds: 10`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: 10.0",
                "`rounds` in line 8 is '10.0', but a whole number is needed. Write, for example, `rounds: 10`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: \"10\"",
                "`rounds` in line 8 is '10', but a whole number is needed. Write, for example, `rounds: 10`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: [10]",
                "`rounds` in line 8 is a list, but a whole number is needed. Write, for example, `rounds: 10`."
            ),
            Mistake(
                "{every: 2, sample: 200}",
                "2",
                "`evaluation` in line 19 is '2', but a mapping of keys to values is needed. Write, for example, `evaluation: {every: 1, sample: 200, clients: 20}`."
            ),
            Mistake(
                "[query, value]",
                "query",
                "`adapter.target_modules` in line 5 is 'query', but a list of texts is needed. Write, for example, `target_modules: [query, value]`."
            ),
            Mistake(
                "[query, value]",
                "[query, [value]]",
                "`adapter.target_modules` in line 5 is a list, but a list of texts is needed. Write, for example, `target_modules: [query, value]`."
            ),
            Mistake(
                "learning_rate: 1.0e-3",
                "learning_rate: .nan",
                "`training.learning_rate` in line 16 is '.nan', but a number is needed. Write, for example, `learning_rate: 1.0e-3`."
            ),
            Mistake(
                "learning_rate: 1.0e-3",
                "learning_rate: fast",
                "`training.learning_rate` in line 16 is 'fast', but a number is needed. Write, for example, `learning_rate: 1.0e-3`."
            ),
            Mistake(
                "deadline: 10m",
                "deadline: 600",
                "`cohort.deadline` in line 9 is '600', but a duration in `d`, `h`, `m` and `s`, such as `90s` or `1h30m`, is needed. Write, for example, `deadline: 10m`."
            ),
            Mistake(
                "modules_to_save: [classifier]",
                "use_rslora: yes",
                "`adapter.use_rslora` in line 5 is 'yes', but `true` or `false` is needed. Write, for example, `use_rslora: false`."
            ),
            // Out of range.
            Mistake(
                "rounds: 10",
                "rounds: 0",
                "`rounds` in line 8 is 0, which is out of range. Write a whole number from 1 to 100000."
            ),
            Mistake(
                "rounds: 10",
                "rounds: -3",
                "`rounds` in line 8 is -3, which is out of range. Write a whole number from 1 to 100000."
            ),
            Mistake(
                "rounds: 10",
                "rounds: 99999999999999999999999",
                "`rounds` in line 8 is 99999999999999999999999, which is out of range. Write a whole number from 1 to 100000."
            ),
            Mistake(
                "seed: 18446744073709551615",
                "seed: 18446744073709551616",
                "`seed` in line 21 is 18446744073709551616, which is out of range. Write a whole number from 0 to 18446744073709551615."
            ),
            Mistake(
                "r: 16",
                "r: 1000000",
                "`adapter.r` in line 5 is 1000000, which is out of range. Write a whole number from 1 to 4096."
            ),
            Mistake(
                "lora_alpha: 16",
                "lora_alpha: 0",
                "`adapter.lora_alpha` in line 5 is 0, which is out of range. Write a number above 0 and at most 1000000."
            ),
            Mistake(
                "learning_rate: 1.0e-3",
                "learning_rate: 1e999",
                "`training.learning_rate` in line 16 is 1e999, which is out of range. Write a number above 0 and at most 100."
            ),
            Mistake(
                "overselect: 1.5",
                "overselect: 0.5",
                "`cohort.overselect` in line 9 is 0.5, which is out of range. Write a number from 1 to 10."
            ),
            Mistake(
                "overselect: 1.5",
                "patience: -1",
                "`cohort.patience` in line 9 is -1, which is out of range. Write a number from 0 to 100."
            ),
            Mistake(
                "overselect: 1.5",
                "replace_after: 0s",
                "`cohort.replace_after` in line 9 is 0s, which is out of range. Write a duration from `1s` to `30d`."
            ),
            Mistake(
                "deadline: 10m",
                "deadline: 0s",
                "`cohort.deadline` in line 9 is 0s, which is out of range. Write a duration from `1s` to `30d`."
            ),
            Mistake(
                "[query, value]",
                "[]",
                "`adapter.target_modules` in line 5 is a list of 0, which is out of range. Write a list of 1 to 1024."
            ),
            Mistake(
                "name: sentiment-four-silos",
                "name: \"a\\nb\"",
                "`name` in line 1 is a text of 3 bytes, which is out of range. Write 1 to 128 bytes of text without line breaks, such as `sentiment-four-silos`."
            ),
            // Unknown and unoffered values.
            Mistake(
                "task: sequence-classification",
                "task: sequence_classification",
                "`task` in line 3 is 'sequence_classification', which is not known. Did you mean `sequence-classification`? Known: `sequence-classification`, `causal-lm`."
            ),
            Mistake(
                "task: sequence-classification",
                "task: chess",
                "`task` in line 3 is 'chess', which is not known. Write one of `sequence-classification`, `causal-lm`."
            ),
            Mistake(
                "mode: delta",
                "mode: deltas",
                "`strategy.mode` in line 6 is 'deltas', which is not known. Did you mean `delta`? Known: `state`, `delta`."
            ),
            Mistake(
                "name: flexlora",
                "name: flexlora2",
                "`strategy.name` in line 6 is 'flexlora2', which is not known. Did you mean `flexlora`? Known: \(StrategyRegistry.names.map { "`\($0)`" }.joined(separator: ", "))."
            ),
            Mistake(
                "name: flexlora",
                "name: fedavg",
                "`strategy.mode` in line 6 is 'delta', and `name: fedavg` has no modes. Remove it."
            ),
            Mistake(
                "server_optimizer: {name: none}",
                "server_optimizer: {name: fedadan}",
                "`server_optimizer.name` in line 7 is 'fedadan', which is not known. Did you mean `fedadam`? Known: `none`, `fedavgm`, `fedadam`, `fedyogi`, `fedadagrad`."
            ),
            Mistake(
                "server_optimizer: {name: none}",
                "server_optimizer: {name: fedavgm, momentum: 1}",
                "`server_optimizer.momentum` in line 7 is 1.0, which is out of range. Write a number from 0 to below 1."
            ),
            Mistake(
                "server_optimizer: {name: none}",
                "server_optimizer: {name: fedadam}",
                "`server_optimizer.name` in line 7 is 'fedadam', whose moments belong to single coordinates, and flexlora changes the basis of the factors every round. Use fedavgm, which carries the momentum of the product, or a strategy such as fedavg."
            ),
            Mistake(
                "server_optimizer: {name: none}",
                "robust: {rule: median}",
                "`robust.rule` in line 7 is 'median', which combines coordinates, and does not go with flexlora: it only looks at products, whose factors have no coordinates in common. Use krum, multi-krum, geometric-median or norm-bound, or a strategy such as fedavg."
            ),
            Mistake(
                "server_optimizer: {name: none}",
                "robust: {rule: krum, byzantine: 3}",
                "`cohort.minimum` in line 9 is 3, and krum needs 9 updates for what it promises. Write `minimum: 9` or more, or change `robust` so that it needs fewer."
            ),
            Mistake(
                "momentum: 0.9",
                "scaffold: true",
                "`training.scaffold` in line 18 cannot be used: flexlora changes the basis of the factors every round, and control variates belong to factors. Remove it, or use a strategy such as fedavg or ffa-lora without a robust rule."
            ),
            // Keys that do not go together.
            Mistake(
                "minimum: 3",
                "minimum: 5",
                "`cohort.minimum` in line 9 is 5, more than the 4 clients of `cohort.size`. Write a minimum from 1 to 4."
            ),
            Mistake(
                "optimizer: sgd",
                "optimizer: adamw",
                "`training.momentum` in line 18 has no effect with `optimizer: adamw`. Remove it, or write `optimizer: sgd`."
            ),
            Mistake(
                "privacy: {mechanism: none}",
                "privacy: {mechanism: none, noise_multiplier: 1}",
                "`privacy.noise_multiplier` in line 20 has no effect with `mechanism: none`. Remove it."
            ),
            Mistake(
                "task: sequence-classification",
                "task: causal-lm",
                "`labels` in line 4 does not go with `task: causal-lm`, which has no classes. Remove `labels`, or write `task: sequence-classification`."
            ),
            Mistake(
                "[query, value]",
                "[query, query]",
                "`adapter.target_modules` in line 5 lists 'query' twice. Keep one of them."
            ),
            // The file itself.
            Mistake(
                "seed: 18446744073709551615",
                "rounds: 3",
                "The key `rounds` in line 8 is given twice. Keep one of them."
            ),
            Mistake(
                "seed: 18446744073709551615",
                "---\nname: second",
                "A second YAML document starts in line 21. Write one job a file, and remove the `---`."
            ),
            Mistake(
                "rounds: 10",
                "rounds: &n 10",
                "The job file uses YAML anchors or aliases (`&`, `*`) in line 8. Write the values out."
            ),
            Mistake(
                "rounds: 10",
                "rounds: *n",
                "The job file uses YAML anchors or aliases (`&`, `*`) in line 8. Write the values out."
            ),
            Mistake(
                "strategy: {name: flexlora",
                "strategy: {name: flexlora: no",
                "The job file is not valid YAML in line 6: did not find expected ',' or '}'. Check indentation, colons and brackets there."
            ),
        ]
    )
    func mistakes(_ mistake: Mistake) throws {
        try #require(Self.complete.contains(mistake.replacing))
        let text = Self.complete.replacingOccurrences(of: mistake.replacing, with: mistake.with)
        let error = #expect(throws: JobFileError.self) { try JobFile.parse(text) }
        #expect(error?.description == mistake.expected)
    }

    @Test(
        "refuses what is no job at all",
        arguments: ["", "# nothing\n", "---\n", "- a\n- b\n", "just text", "\"", "\u{0}"]
    )
    func noJob(_ text: String) {
        #expect(throws: JobFileError.self) { try JobFile.parse(text) }
    }

    @Test("refuses bytes that are not UTF-8")
    func notText() {
        #expect(throws: JobFileError.notText) { try JobFile.parse([0x6e, 0xff, 0xfe] as [UInt8]) }
    }

    @Test("refuses a file beyond the limit before reading it as YAML")
    func tooLarge() {
        let text = "name: " + String(repeating: "a", count: JobFile.byteLimit)
        #expect(throws: JobFileError.tooLarge(bytes: text.utf8.count, limit: JobFile.byteLimit)) {
            try JobFile.parse(text)
        }
    }

    @Test("refuses nested aliases that would unfold to a billion values", .timeLimit(.minutes(1)))
    func billionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 9).joined(separator: ", "))]\n"
        }
        // As a key, the value would be hashed by the composer already.
        text += "? *a9\n: 1\n"
        #expect(throws: JobFileError.aliases(line: nil)) { try JobFile.parse(text) }
    }

    @Test("refuses deep nesting without running out of stack")
    func deepNesting() {
        let text = "name: " + String(repeating: "[", count: 100_000)
        #expect(throws: JobFileError.self) { try JobFile.parse(text) }
    }

    @Test("never traps on a job file with bytes replaced, dropped or cut off")
    func mutations() {
        let bytes = Array(Self.complete.utf8)
        let marks = Array("{}[]:,-&*!|>'\"%@`#\n\t\u{0}9~".utf8)
        for position in bytes.indices {
            // Over all positions every mark comes up, beside every other: 3 and 7 have no factor with their number.
            for mark in [marks[position * 3 % marks.count], marks[position * 7 % marks.count]] {
                var changed = bytes
                changed[position] = mark
                _ = try? JobFile.parse(changed)
            }
            var shorter = bytes
            shorter.remove(at: position)
            _ = try? JobFile.parse(shorter)
            _ = try? JobFile.parse(bytes[..<position])
        }
    }
}
