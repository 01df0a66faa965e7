import Adapters
import Aggregation
import DifferentialPrivacy
import FederatedLearning
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

@Suite("Clients that add noise")
struct PrivateClientWorkTests {
    /// A book that allows so many charges.
    private actor LimitedBook: PrivacyBook {
        private(set) var charges: [NoisedSteps] = []
        private let limit: Int

        init(limit: Int) { self.limit = limit }

        func check(_ order: WorkOrder) throws {
            if charges.count >= limit { throw OrderRefusal.privacy(reason: "nothing is left.") }
        }

        func charge(_ steps: NoisedSteps, for order: WorkOrder) throws -> SiloStanding {
            try check(order)
            charges.append(steps)
            let settings = try #require(order.assignment.privacy)
            return try SiloStanding(of: PrivacyLedger(steps: charges), latest: steps, settings: settings)
        }
    }

    /// A trainer that says which noise it added.
    private struct NoisingTrainer: LocalTrainer {
        let steps: NoisedSteps?

        func train(
            _ adapter: LoRAAdapter,
            for order: WorkOrder,
            progress: @escaping @Sendable (TrainingProgress) -> Void
        ) async throws -> TrainingOutcome {
            TrainingOutcome(
                adapter: adapter,
                exampleCount: 40,
                metrics: ["loss": 0.5, "seconds": 2, "steps": 4],
                stepCount: 4,
                noisedSteps: steps
            )
        }

        func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
            EvaluationReport(exampleCount: 1, metrics: [:])
        }
    }

    private func order(
        _ mechanism: PrivacySettings.Mechanism,
        strategy: any AggregationStrategy = FedAvg(),
        delta: Double = 1e-5
    ) -> WorkOrder {
        var job = JobConfiguration.sample(rank: 8)
        job.privacy = PrivacySettings(mechanism: mechanism, clippingNorm: 0.5, noiseMultiplier: 2, delta: delta)
        return WorkOrder(
            id: .init(job: .sample, round: 1, kind: .train),
            adapter: .sample(0, rank: 4, alpha: 8),
            assignment: Assignment(
                job: job,
                modelDigest: .sampleModel,
                rules: LocalRules(scope: strategy.scope(inRound: 1))
            )
        )
    }

    private func work(
        _ trainer: any LocalTrainer = ConstantTrainer(element: 2, delta: 100, exampleCount: 40),
        book: (any PrivacyBook)? = nil
    ) -> ClientWork {
        ClientWork(
            client: "a",
            maximumRank: 8,
            modelDigest: .sampleModel,
            trainer: trainer,
            book: book,
            noiseKey: { RunSecrets.key(from: 7, order: $0, client: 0) }
        )
    }

    private func sent(_ update: FinishedUpdate) throws -> LoRAAdapter {
        try AdapterPayload.adapter(
            from: update.payload,
            rank: 4,
            alpha: 8,
            usesRankStabilizedScaling: false,
            source: "the payload"
        )
    }

    @Test("clip their whole update and noise every number of it")
    func local() async throws {
        let start = LoRAAdapter.sample()
        let update = try await work().train(start, for: order(.local))
        let adapter = try sent(update)
        var change: [Double] = []
        for (path, module) in adapter.modules {
            let former = try #require(start.modules[path])
            change += zip(module.a.elements, former.a.elements).map { Double($0 - $1) }
            change += zip(module.b.elements, former.b.elements).map { Double($0 - $1) }
        }
        for (name, tensor) in adapter.savedTensors {
            change += zip(tensor.elements, start.savedTensors[name]?.elements ?? []).map { Double($0 - $1) }
        }
        // z·C = 1 on each of 200 numbers; the update itself, of norm 300, is cut to 0.5.
        let deviation = (change.reduce(0) { $0 + $1 * $1 } / Double(change.count)).squareRoot()
        #expect(change.count == 200 && abs(deviation - 1) < 5 / 400.0.squareRoot(), "\(deviation)")
        #expect(change.allSatisfy { $0 != 0 || abs($0) < 6 })
        #expect((change.map(abs).max() ?? 0) < 6)
        #expect(update.offer.exampleCount == 1)
        #expect(update.offer.metrics == ["seconds": 0])
        // The same order has the same noise: offered again after a break, it is the same update.
        #expect(try await work().train(start, for: order(.local)) == update)
    }

    @Test("keep how many steps they took, which tells of how many examples there are")
    func steps() async throws {
        let update = try await work(NoisingTrainer(steps: nil)).train(.sample(), for: order(.local))
        #expect(update.offer.metrics == ["seconds": 2])
    }

    @Test("noise what they send, and nothing else")
    func scope() async throws {
        let start = LoRAAdapter.sample()
        let order = order(.local, strategy: FFALoRA())
        let update = try await work().train(start, for: order)
        let names = try SafetensorsFile(bytes: update.payload, source: "the payload", limits: .payload)
            .header.tensors.map(\.name)
        #expect(names.allSatisfy { !$0.contains("lora_A") } && names.contains { $0.contains("lora_B") })
    }

    @Test("charge their silo before anything leaves it, and send nothing that it does not cover")
    func book() async throws {
        let book = LimitedBook(limit: 1)
        let work = work(book: book)
        _ = try await work.train(.sample(), for: order(.local))
        #expect(await book.charges == [NoisedSteps(noiseMultiplier: 1, sampling: .everyone)])
        await #expect(throws: OrderRefusal.privacy(reason: "nothing is left.")) {
            _ = try await work.train(.sample(), for: order(.local))
        }
        #expect(await book.charges.count == 1)
    }

    @Test("charge what their trainer says of its steps")
    func exampleLevel() async throws {
        let steps = NoisedSteps(noiseMultiplier: 2, sampling: .poisson(rate: 0.1), count: 10)
        let book = LimitedBook(limit: 5)
        let update = try await work(NoisingTrainer(steps: steps), book: book).train(
            .sample(),
            for: order(.exampleLevel)
        )
        #expect(await book.charges == [steps])
        #expect(update.offer.metrics.keys.sorted() == ["epsilon", "epsilon_next", "seconds", "steps"])
        let epsilon = try #require(update.offer.metrics["epsilon"])
        #expect(epsilon > 0 && epsilon < update.offer.metrics["epsilon_next"] ?? 0)
        #expect(update.offer.exampleCount == 40)
    }

    @Test(
        "refuse to send what a trainer did not noise",
        arguments: [nil, NoisedSteps(noiseMultiplier: 1.9, sampling: .everyone)]
    )
    func careless(steps: NoisedSteps?) async throws {
        let book = LimitedBook(limit: 5)
        let error = await #expect(throws: FederatedLearningError.self) {
            _ = try await work(NoisingTrainer(steps: steps), book: book).train(.sample(), for: order(.exampleLevel))
        }
        #expect(error?.description.contains("its trainer did not add that noise") == true)
        #expect(await book.charges.isEmpty)
    }

    @Test(
        "tell no loss while they train, where the server is not to see their data",
        arguments: PrivacySettings.Mechanism.allCases
    )
    func progress(_ mechanism: PrivacySettings.Mechanism) async throws {
        let losses = Mutex<[Double]>([])
        _ = try? await work().train(.sample(), for: order(mechanism)) { progress in
            losses.withLock { $0.append(progress.loss) }
        }
        let expected: [Double] =
            switch mechanism {
            case .central, .tree: [1]
            case .exampleLevel: [0]
            // Not even how many steps there are.
            case .local: []
            }
        #expect(losses.withLock { $0 } == expected)
    }

    @Test("refuse a δ that hides nobody among their examples")
    func delta() async throws {
        let steps = NoisedSteps(noiseMultiplier: 2, sampling: .poisson(rate: 0.1), count: 10)
        let book = LimitedBook(limit: 5)
        let error = await #expect(throws: OrderRefusal.self) {
            _ = try await work(NoisingTrainer(steps: steps), book: book)
                .train(.sample(), for: order(.exampleLevel, delta: 0.025))
        }
        #expect(error?.description.contains("δ = 0.025 lets the job give away one of this silo's examples") == true)
        #expect(await book.charges.isEmpty)
    }
}
