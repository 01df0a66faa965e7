import Adapters
import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

/// Jobs that start from an adapter of another kind than LoRA.
struct AdapterStartTests {
    private func job(
        adapter: String = "{start: kinds/a}",
        strategy: String = "fedavg",
        training: String = "{epochs: 1}",
        section: String = "seed: 1"
    ) throws -> JobConfiguration {
        try JobFile.parse(
            """
            name: n
            model: m
            task: sequence-classification
            labels: [a, b]
            adapter: \(adapter)
            strategy: {name: \(strategy)}
            rounds: 3
            cohort: {size: 2}
            training: \(training)
            \(section)
            """.utf8
        )
    }

    @Test("the directory's own configuration says everything else")
    func reads() throws {
        let adapter = try job().adapter
        #expect(adapter.start == AdapterStart(path: "kinds/a"))
        #expect(
            adapter.rank == 1 && adapter.alpha == 1 && adapter.targetModules.isEmpty && adapter.modulesToSave.isEmpty
        )
        let stored = try JSONDecoder().decode(JobConfiguration.self, from: JSONEncoder().encode(job()))
        #expect(try stored == job())
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var adapter = "{start: kinds/a}"
        var strategy = "fedavg"
        var training = "{epochs: 1}"
        var section = "seed: 1"
        let message: String
        var testDescription: String { message }
    }

    @Test(
        "what means nothing without LoRA's factors is refused by its key",
        arguments: [
            Refusal(adapter: "{start: a, r: 8}", message: "`adapter.r` in line 5 has no effect with `adapter.start`"),
            Refusal(adapter: "{r: 8}", message: "`adapter.lora_alpha`"),
            Refusal(
                strategy: "flexlora",
                message: "`strategy.name` in line 6 is 'flexlora', which computes with the factors of LoRA"
            ),
            Refusal(
                training: "{loraplus_lr_ratio: 4}",
                message: "`training.loraplus_lr_ratio` in line 9 is for LoRA's"
            ),
            Refusal(
                training: "{optimizer: sgd, scaffold: true}",
                message: "`training.scaffold` in line 9 corrects LoRA's factors"
            ),
            Refusal(section: "asynchronous: {buffer: 2}", message: "`asynchronous`"),
            Refusal(
                section: """
                    privacy: {mechanism: example-level, clipping_norm: 1, noise_multiplier: 1, delta: 1.0e-5}
                    """,
                message: "`privacy.mechanism` in line 10 is `example-level`"
            ),
        ]
    )
    func refusals(_ test: Refusal) {
        let error = #expect(throws: JobFileError.self) {
            try job(adapter: test.adapter, strategy: test.strategy, training: test.training, section: test.section)
        }
        #expect(error?.description.contains(test.message) == true, "\(error?.description ?? "")")
    }

    // MARK: - The directory

    private static let configuration = #"{"peft_type": "VERA", "base_model_name_or_path": "/srv/models/m", "r": 1}"#

    private func withDirectory(
        configuration: String = Self.configuration,
        tensors: [String: [Float]] = ["base_model.model.q.vera_lambda_b": [1, 2], "base_model.vera_A": [3, 4]],
        _ body: (URL) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let directory = folder.appendingPathComponent("kinds/a")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            try Data(configuration.utf8)
                .write(to: directory.appendingPathComponent(PEFTDirectory.configurationFileName))
            let document = SafetensorsDocument(
                tensors.map { .init(name: $0.key, shape: [1, $0.value.count], elements: $0.value) }
            )
            try Data(document.bytes()).write(to: directory.appendingPathComponent(PEFTDirectory.tensorsFileName))
            try body(folder)
        }
    }

    @Test("is read with its tensors, and without the path of its base model")
    func readsDirectory() async throws {
        try await withDirectory { folder in
            let (start, adapter) = try #require(try job().readStart(besides: folder))
            #expect(start.path == folder.appendingPathComponent("kinds/a").standardizedFileURL.path)
            #expect(!start.configuration.contains("/srv/models"))
            #expect(try start.parsed().kind == .vera)
            #expect(adapter.modules.isEmpty)
            #expect(adapter.savedTensors.keys.sorted() == [".base_model.vera_A", "q.vera_lambda_b"])

            var again = try job()
            again.adapter.start = start
            #expect(try again.readStart(besides: URL(fileURLWithPath: "/"))?.start == start)
            again.adapter.start?.configuration += " "
            #expect(throws: FederatedLearningError.startChanged(path: start.path)) {
                try again.readStart(besides: folder)
            }
        }
    }

    @Test("a LoRA adapter is none of another kind, and NaN is no start")
    func refusesDirectories() async throws {
        try await withDirectory(configuration: #"{"peft_type": "LORA"}"#) { folder in
            let error = #expect(throws: AdapterError.self) { _ = try job().readStart(besides: folder) }
            #expect(error?.description.contains("the method 'LORA'") == true, "\(error?.description ?? "")")
        }
        try await withDirectory(tensors: ["prompt_embeddings": [1, .nan]]) { folder in
            #expect(throws: AdapterError.self) { _ = try job().readStart(besides: folder) }
        }
    }

    @Test("noise is not added to what nobody trains")
    func refusesNoisedProjections() async throws {
        let section = "privacy: {mechanism: local, clipping_norm: 1, noise_multiplier: 1, delta: 1.0e-5}"
        try await withDirectory { folder in
            let error = #expect(throws: AggregationError.self) {
                _ = try job(section: section).readStart(besides: folder)
            }
            #expect(error?.description.contains("save_projection=False") == true)
        }
        try await withDirectory(tensors: ["base_model.model.q.vera_lambda_b": [1, 2]]) { folder in
            let read = try job(section: section).readStart(besides: folder)
            #expect(read?.adapter.savedTensors.count == 1)
        }
    }
}
