import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

/// SCAFFOLD from end to end on two quadratic functions, whose answers are known.
@Suite("Control variates")
struct ControlVariatesTests {
    /// Minimises ½·curvature·(x − optimum)² in one element of the saved head, by K plain steps.
    private struct QuadraticTrainer: LocalTrainer {
        let curvature: Double
        let optimum: Double
        static let stepCount = 10

        func train(
            _ adapter: LoRAAdapter,
            for order: WorkOrder,
            progress: @escaping @Sendable (TrainingProgress) -> Void
        ) async throws -> TrainingOutcome {
            var adapter = adapter
            let name = "classifier.bias"
            let control = Double(adapter.controls[name]?.elements[0] ?? 0)
            var x = Double(adapter.savedTensors[name]?.elements[0] ?? 0)
            for _ in 0..<Self.stepCount {
                x -= order.assignment.training.learningRate * (curvature * (x - optimum) + control)
            }
            adapter.savedTensors[name]?.elements[0] = Float(x)
            return TrainingOutcome(adapter: adapter, exampleCount: 1, metrics: [:], stepCount: Self.stepCount)
        }

        func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
            EvaluationReport(exampleCount: 1, metrics: [:])
        }
    }

    private func optimum(scaffold: Bool, rounds: Int) async throws -> Double {
        var job = JobConfiguration.sample(rank: 2, rounds: rounds, size: 2)
        job.training.optimizer = .sgd
        job.training.learningRate = 0.1
        job.training.usesControlVariates = scaffold
        let federation = TestFederation(job)
        for (index, function) in [(1.0, 1.0), (3.0, -1.0)].enumerated() {
            await federation.backend.add(
                ClientWork(
                    client: TestFederation.name(index),
                    maximumRank: 8,
                    modelDigest: .sampleModel,
                    trainer: QuadraticTrainer(curvature: function.0, optimum: function.1)
                )
            )
        }
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        let global = try await federation.store.adapter(try #require(state.global))
        #expect(global.controls.isEmpty != scaffold)
        // A client of any size may send no more than it was handed: controls travel both ways from the first round on.
        let handed = await federation.backend.orders.map(\.order).filter { $0.id.kind == .train }
        for case .accepted(let offer) in await federation.store.changes {
            let order = try #require(handed.first { $0.id == offer.order })
            #expect(offer.adapter.byteCount <= order.adapter.byteCount)
        }
        return Double(try #require(global.savedTensors["classifier.bias"]).elements[0])
    }

    @Test("FedAvg ends at −0.1974222, where local optima pull; SCAFFOLD at −0.5, the true optimum")
    func quadratics() async throws {
        #expect(abs(try await optimum(scaffold: false, rounds: 40) + 0.1974222) < 1e-5)
        #expect(abs(try await optimum(scaffold: true, rounds: 60) + 0.5) < 1e-4)
    }

    @Test("needs the trainer to say how many steps it took")
    func stepCount() async throws {
        let work = ClientWork(
            client: "a",
            maximumRank: 8,
            modelDigest: .sampleModel,
            trainer: ConstantTrainer(element: 0)
        )
        var job = JobConfiguration.sample(rank: 4)
        job.training.usesControlVariates = true
        let order = WorkOrder(
            id: .init(job: .sample, round: 1, kind: .train),
            adapter: .sample(0, rank: 4, alpha: 8),
            assignment: Assignment(
                job: job,
                modelDigest: .sampleModel,
                rules: LocalRules(usesControlVariates: true)
            )
        )
        await #expect(throws: FederatedLearningError.self) { try await work.train(.sample(), for: order) }
    }

    @Test("refuses updates without the change of their control variate, and with one where none is kept")
    func mismatch() throws {
        let global = LoRAAdapter.sample(rank: 2)
        let aggregation = CohortAggregation(strategy: FedAvg())
        var with = global
        with.controls = global.trainedTensors(.both)
        let round = RoundContext(number: 1, population: 4)
        let plain = ClientUpdate(client: "a", weight: 1, adapter: global)
        let controlled = ClientUpdate(client: "a", weight: 1, adapter: with)
        #expect(throws: AggregationError.self) { try aggregation.check(plain, against: global, round: round) }
        #expect(throws: AggregationError.self) { try aggregation.check(controlled, against: global, round: .first) }
        // c ← c + Σ Δcᵢ/N: one client of four.
        let next = try aggregation.nextGlobal(from: global, updates: [controlled], round: round)
        for (name, tensor) in with.controls {
            #expect(next.controls[name]?.elements == tensor.elements.map { $0 / 4 })
        }
        var broken = with
        broken.controls["classifier.bias"]?.elements[0] = .nan
        let nan = ClientUpdate(client: "a", weight: 1, adapter: broken)
        #expect(throws: AggregationError.notFinite(client: "a", tensor: "control.classifier.bias")) {
            try aggregation.nextGlobal(from: global, updates: [nan], round: round)
        }
    }
}
