import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

struct ClientWorkTests {
    /// A trainer that returns what the test says.
    private struct FixedTrainer: LocalTrainer {
        let outcome: @Sendable (LoRAAdapter) -> TrainingOutcome

        func train(
            _ adapter: LoRAAdapter,
            for order: WorkOrder,
            progress: @escaping @Sendable (TrainingProgress) -> Void
        ) async throws -> TrainingOutcome { outcome(adapter) }

        func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
            EvaluationReport(exampleCount: -3, metrics: ["accuracy": 0.5, "loss": .nan, "no name": 1])
        }
    }

    private func work(
        maximumRank: Int = 8,
        tasks: Set<JobConfiguration.Task> = [.sequenceClassification],
        memory: any ClientMemory = VolatileMemory(),
        _ trainer: any LocalTrainer = ConstantTrainer(element: 2, factorDelta: 0.5)
    ) -> ClientWork {
        ClientWork(
            client: "a",
            maximumRank: maximumRank,
            modelDigest: .sampleModel,
            tasks: tasks,
            trainer: trainer,
            memory: memory
        )
    }

    private func order(
        _ kind: WorkOrder.Kind = .train,
        rank: Int = 4,
        alpha: Double = 8,
        job: JobConfiguration = .sample(rank: 8),
        modelDigest: ContentDigest = .sampleModel,
        round: Int = 1,
        rules: LocalRules = .plain
    ) -> WorkOrder {
        WorkOrder(
            id: .init(job: .sample, round: round, kind: kind),
            adapter: .sample(0, rank: rank, alpha: alpha),
            assignment: Assignment(job: job, modelDigest: modelDigest, rules: rules)
        )
    }

    @Test("turns an order into an update whose payload is what its digest names")
    func training() async throws {
        let update = try await work().train(.sample(), for: order())
        #expect(update.offer.client == "a")
        #expect(update.offer.order == .init(job: .sample, round: 1, kind: .train))
        #expect(update.offer.adapter.digest == ContentDigest(hashing: update.payload))
        #expect(update.offer.adapter.byteCount == update.payload.count)
        #expect(update.offer.adapter.rank == 4 && update.offer.adapter.alpha == 8)
        #expect(update.offer.exampleCount == 1)
        #expect(update.offer.metrics == ["loss": 1, "seconds": 0])
        var expected = LoRAAdapter.sample()
        for path in expected.modules.keys {
            expected.modules[path]?.a[0, 2] += 0.5
            expected.modules[path]?.b[2, 0] += 0.5
        }
        expected.savedTensors["classifier.weight"]?.elements[2] = 1
        expected.savedTensors["classifier.bias"]?.elements[2] = 1
        let sent = try AdapterPayload.adapter(from: update.payload, rank: 4, alpha: 8, source: "update")
        #expect(sent == expected)
    }

    @Test("sends the tensors that were handed out and nothing else")
    func stripping() async throws {
        let trainer = FixedTrainer { handed in
            var adapter = handed
            adapter.savedTensors["/home/ward-7/patients.jsonl"] = DenseTensor(shape: [1], elements: [1])
            adapter.modules["bert.extra"] = adapter.modules.values.first
            let metrics = ["loss": 0.5, "nan": .nan, "/home/ward-7": 1, "": 2]
            return TrainingOutcome(adapter: adapter, exampleCount: 5, metrics: metrics)
        }
        let update = try await work(trainer).train(.sample(), for: order())
        #expect(update.payload == AdapterPayload.bytes(of: .sample()))
        #expect(update.offer.metrics["loss"] == 0.5)
        #expect(update.offer.metrics["nan"] == nil && update.offer.metrics[""] == nil)
        let text = String(decoding: update.payload, as: UTF8.self)
        #expect(!text.contains("ward-7"))
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let outcome: @Sendable (LoRAAdapter) -> TrainingOutcome
    }

    @Test(
        "does not send what the server would reject",
        arguments: [
            Bad(testDescription: "NaN") { handed in
                var adapter = handed
                adapter.savedTensors["classifier.bias"]?.elements[0] = .nan
                return TrainingOutcome(adapter: adapter, exampleCount: 1, metrics: [:])
            },
            Bad(testDescription: "another rank") { _ in
                TrainingOutcome(adapter: .sample(rank: 3), exampleCount: 1, metrics: [:])
            },
            Bad(testDescription: "a lost head") { handed in
                TrainingOutcome(adapter: LoRAAdapter(modules: handed.modules), exampleCount: 1, metrics: [:])
            },
            Bad(testDescription: "no examples") { handed in
                TrainingOutcome(adapter: handed, exampleCount: 0, metrics: [:])
            },
        ]
    )
    func unusable(_ bad: Bad) async {
        await #expect(throws: FederatedLearningError.self) {
            _ = try await work(FixedTrainer(outcome: bad.outcome)).train(.sample(), for: order())
        }
    }

    @Test("refuses orders that do not fit, before anything is fetched")
    func refusals() {
        func refusal(_ order: WorkOrder, of work: ClientWork) -> OrderRefusal? {
            do {
                try work.check(order)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal(order(), of: work()) == nil)
        #expect(refusal(order(rank: 8), of: work(maximumRank: 4)) == .rank(8, largest: 4))
        #expect(refusal(order(.evaluate, rank: 8), of: work(maximumRank: 4)) == nil)
        let other = ContentDigest(hashing: [1])
        #expect(
            refusal(order(modelDigest: other), of: work())
                == .model(name: "model", expected: other, found: .sampleModel)
        )
        var causal = JobConfiguration.sample()
        causal.task = .causalLanguageModel
        #expect(refusal(order(job: causal), of: work()) == .task(.causalLanguageModel))
        #expect(refusal(order(job: causal), of: work(tasks: [.causalLanguageModel])) == nil)
        var noised = JobConfiguration.sample(rank: 8)
        noised.privacy = PrivacySettings(mechanism: .local, clippingNorm: 1, noiseMultiplier: 8, delta: 1e-3)
        #expect(refusal(order(job: noised), of: work()) == nil)
        for contradicting in [
            order(rank: 9), order(rank: 0), order(rank: .min), order(alpha: 4), order(alpha: .nan),
            order(job: noised, rules: LocalRules(pruning: RankPruning())),
        ] {
            guard case .order? = refusal(contradicting, of: work()) else {
                Issue.record("an order that contradicts its job was taken: \(contradicting.adapter)")
                continue
            }
        }
    }

    @Test("refuses an adapter that is not the one of its order")
    func unfittingAdapters() async {
        var strayLayer = LoRAAdapter.sample()
        strayLayer.modules["bert.pooler.dense"] = strayLayer.modules.values.first
        var strayHead = LoRAAdapter.sample()
        strayHead.savedTensors["pooler.bias"] = DenseTensor(shape: [1], elements: [1])
        var missing = LoRAAdapter.sample()
        missing.modules["bert.encoder.layer.0.attention.self.value"] = nil
        var infinite = LoRAAdapter.sample()
        infinite.savedTensors["classifier.bias"]?.elements[0] = .infinity
        for adapter in [
            strayLayer, strayHead, missing, infinite, .sample(rank: 5), .sample(alpha: 4), LoRAAdapter(modules: [:]),
        ] {
            await #expect(throws: OrderRefusal.self) { _ = try await work().train(adapter, for: order()) }
            await #expect(throws: OrderRefusal.self) {
                _ = try await work().evaluate(adapter, for: order(.evaluate))
            }
        }
    }

    @Test("reports finite figures with plain names only")
    func evaluation() async throws {
        let trainer = FixedTrainer { TrainingOutcome(adapter: $0, exampleCount: 1, metrics: [:]) }
        let report = try await work(trainer).evaluate(.sample(), for: order(.evaluate))
        #expect(report == EvaluationReport(exampleCount: 0, metrics: ["accuracy": 0.5]))
    }

    // MARK: - What strategies ask for

    private func names(in payload: [UInt8]) throws -> [String] {
        try SafetensorsFile(bytes: payload, source: "update").tensors.map(\.name)
    }

    @Test("sends the factors of the round alone", arguments: [TrainedFactors.a, .b])
    func factors(_ trained: TrainedFactors) async throws {
        let order = order(rules: LocalRules(scope: UpdateScope(trained: trained)))
        let update = try await work().train(.sample(), for: order)
        let names = try names(in: update.payload)
        #expect(names.contains { $0.hasSuffix("lora_A.weight") } == (trained == .a))
        #expect(names.contains { $0.hasSuffix("lora_B.weight") } == (trained == .b))
        #expect(names.contains { $0.hasSuffix("classifier.bias") })
        let full = AdapterPayload.bytes(of: .sample()).count
        #expect(update.payload.count < full)
    }

    /// A personal scope: B and the head are trained and stay.
    private static let personal = LocalRules(
        scope: UpdateScope(trained: .both, sent: .a, sendsSavedTensors: false)
    )

    @Test("keeps personal parts from round to round, never sends them, and is judged with them")
    func personalParts() async throws {
        let memory = VolatileMemory()
        let seen = SeenAdapters()
        let work = work(
            memory: memory,
            RecordingTrainer(base: ConstantTrainer(element: 2, factorDelta: 0.5), seen: seen)
        )
        let handed = LoRAAdapter.sample()
        let first = try await work.train(handed, for: order(rules: Self.personal))
        #expect(try names(in: first.payload).allSatisfy { $0.hasSuffix("lora_A.weight") })
        // The server hands out its own B and head again; the client goes on with its own.
        _ = try await work.train(handed, for: order(round: 2, rules: Self.personal))
        _ = try await work.evaluate(handed, for: order(.evaluate, round: 2, rules: Self.personal))
        let starts = await seen.adapters
        #expect(starts.count == 3 && starts[0] == handed)
        for (path, module) in handed.modules {
            #expect(starts[1].modules[path]?.a == module.a)
            #expect(starts[1].modules[path]?.b[2, 0] == module.b[2, 0] + 0.5)
            #expect(starts[2].modules[path]?.b[2, 0] == module.b[2, 0] + 1)
        }
        let bias = try #require(handed.savedTensors["classifier.bias"]?.elements[2])
        #expect(starts[1].savedTensors["classifier.bias"]?.elements[2] == bias + 1)

        // A round that is worked again after a crash starts from the round before it, and ends with the same bytes.
        let again = try await work.train(handed, for: order(round: 2, rules: Self.personal))
        let repeated = try await work.train(handed, for: order(round: 2, rules: Self.personal))
        #expect(again.payload == repeated.payload)
        #expect(await seen.adapters[3] == starts[1])
    }

    @Test("goes on at a lower rank once the suffix has lost weight")
    func rankPruning() async throws {
        let rules = LocalRules(pruning: RankPruning(gamma: 0.75, penalty: 0, minimumRank: 2))
        let memory = VolatileMemory()
        let shrinking = FixedTrainer { handed in
            var adapter = handed
            for path in adapter.modules.keys {
                adapter.modules[path]?.b.scale(by: 0.5)
            }
            return TrainingOutcome(adapter: adapter, exampleCount: 5, metrics: [:])
        }
        let work = work(memory: memory, shrinking)
        let handed = LoRAAdapter.sample(fillsB: true)
        let first = try await work.train(handed, for: order(rules: rules))
        #expect(first.offer.adapter.rank == 3)
        let second = try await work.train(handed, for: order(round: 2, rules: rules))
        #expect(second.offer.adapter.rank == 2)
        let third = try await work.train(handed, for: order(round: 3, rules: rules))
        #expect(third.offer.adapter.rank == 2)
        let sent = try AdapterPayload.adapter(from: third.payload, rank: 2, alpha: 8, source: "update")
        #expect(sent.modules.values.allSatisfy { $0.rank == 2 })
    }

    @Test("refuses to prune the rank of cores, which a broken server may ask for")
    func prunedCores() async throws {
        var handed = LoRAAdapter.sample()
        for path in handed.modules.keys { handed.modules[path]?.core = Matrix(rows: 4, columns: 4) }
        let rules = LocalRules(scope: UpdateScope(trained: .core), pruning: RankPruning(gamma: 0.5))
        await #expect(throws: OrderRefusal.self) { try await work().train(handed, for: order(rules: rules)) }
    }
}

/// What a trainer was given, in order.
private actor SeenAdapters {
    private(set) var adapters: [LoRAAdapter] = []

    func append(_ adapter: LoRAAdapter) { adapters.append(adapter) }
}

/// A trainer that notes what it starts from.
private struct RecordingTrainer: LocalTrainer {
    let base: ConstantTrainer
    let seen: SeenAdapters

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        await seen.append(adapter)
        return try await base.train(adapter, for: order, progress: progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        await seen.append(adapter)
        return try await base.evaluate(adapter, for: order)
    }
}
