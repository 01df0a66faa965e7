import Adapters
import FederatedLearning
import Testing

struct TrainingJobFileTests {
    private func job(adapter: String = "", training: String = "", evaluation: String = "") throws -> JobConfiguration {
        try JobFile.parse(
            """
            name: n
            model: m
            task: sequence-classification
            labels: [a, b]
            adapter: {r: 8, lora_alpha: 8, target_modules: [query]\(adapter)}
            strategy: {name: fedavg}
            rounds: 3
            cohort: {size: 2}
            training: {epochs: 1\(training)}
            evaluation: {every: 1\(evaluation)}
            """.utf8
        )
    }

    @Test("reads the schedule of the learning rate, LoRA+, clipping and who evaluates")
    func settings() throws {
        let job = try job(
            training: ", lr_scheduler_type: cosine, warmup_ratio: 0.1, loraplus_lr_ratio: 4, max_grad_norm: 1.5",
            evaluation: ", clients: 20"
        )
        #expect(
            job.training
                == .init(schedule: .cosine, warmupRatio: 0.1, loraPlusRatio: 4, maximumGradientNorm: 1.5)
        )
        #expect(job.evaluation.clients == 20)
    }

    @Test("reads how the adapter begins", arguments: AdapterInitialization.allCases)
    func initialization(_ wanted: AdapterInitialization) throws {
        let text = ", init_lora_weights: \(wanted.rawValue)"
        #expect(try job(adapter: text).adapter.initialization == wanted)
    }

    @Test("leaves all of it out by default")
    func defaults() throws {
        let job = try job()
        #expect(job.training == .init())
        #expect(job.adapter.initialization == .kaiming && job.evaluation.clients == nil)
    }

    @Test(
        "refuses what cannot be, by key and line",
        arguments: [
            (", warmup_ratio: 1.0", "`training.warmup_ratio` in line 9 is 1.0"),
            (", lr_scheduler_type: cosin", "`training.lr_scheduler_type` in line 9 is 'cosin'"),
            (", max_grad_norm: 0", "`training.max_grad_norm` in line 9 is 0"),
            // Two special tokens would leave no room for a text.
            (", max_length: 2", "`training.max_length` in line 9 is 2"),
            (", loraplus_lr_ratio: -1", "`training.loraplus_lr_ratio` in line 9 is -1"),
            (
                ", optimizer: sgd, scaffold: true, lr_scheduler_type: linear",
                "`training.scaffold` in line 9 cannot be used: control variates are found"
            ),
        ]
    )
    func refusals(training: String, beginning: String) {
        let error = #expect(throws: JobFileError.self) { try job(training: training) }
        #expect(error?.description.hasPrefix(beginning) == true, "\(String(describing: error))")
    }
}
