import Adapters
import Aggregation
import DifferentialPrivacy
import FederatedLearning
import Foundation
import GRDB
import LinearAlgebra
import TestSupport
import Testing
import Transport
import WireProtocol

@testable import Coordinator

@Suite("SQLite run store")
struct SQLiteRunStoreTests {
    @Test("folds steps as every store does, and still knows them when it is opened again")
    func conformsOnDisk() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkSteps {
                let store = try CoordinatorStore.durable(in: folder)
                try await store.submitSample()
                return store.runs
            } reopen: { _ in
                try CoordinatorStore.durable(in: folder).runs
            }
        }
    }

    @Test("folds steps as every store does, in memory")
    func conformsInMemory() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkSteps {
                let store = try CoordinatorStore.temporary(in: folder)
                try await store.submitSample()
                return store.runs
            }
        }
    }

    @Test("folds the steps of asynchronous rounds as every store does, and still knows them when it is opened again")
    func asynchronousOnDisk() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkAsynchronousSteps {
                let store = try CoordinatorStore.durable(in: folder)
                try await store.submitSample()
                return store.runs
            } reopen: { _ in
                try CoordinatorStore.durable(in: folder).runs
            }
        }
    }

    @Test(
        "folds the steps of rounds that are charged as every store does, and still knows them when it is opened again"
    )
    func chargesOnDisk() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkPrivacySteps {
                let store = try CoordinatorStore.durable(in: folder)
                try await store.submitSample()
                return store.runs
            } reopen: { _ in
                try CoordinatorStore.durable(in: folder).runs
            }
        }
    }

    @Test("forgets what a round's noise was made from when its result is released", arguments: [false, true])
    func forgottenKeys(isShared: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let database = try CoordinatorDatabase()
            let store = CoordinatorStore(database: database, payloads: try PayloadStore(directory: folder))
            try await store.submitSample()
            let adapter = try await store.runs.keep(.sample())
            let charge = PrivacyCharge(
                round: 1,
                steps: NoisedSteps(noiseMultiplier: 1, sampling: .everyone),
                clippingNorm: 1,
                noiseKey: NoiseKey(),
                isKeyShared: isShared
            )
            for change in [.began(initial: adapter), .opened(round: 1, cohort: []), .charged(charge)] as [RunChange] {
                try await store.runs.apply(change, to: .sample)
            }
            #expect(try await store.runs.state(of: .sample).openRound?.charge == charge)
            try await store.runs.apply(.committed(round: 1, global: adapter), to: .sample)
            let count = try await database.writer.read { db in
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM privacy_charge WHERE noise_key IS NOT NULL")
            }
            #expect(count == (isShared ? 1 : 0))
            #expect(try await store.runs.state(of: .sample).ledger.steps.map(\.count) == [1])
        }
    }

    @Test(
        "forgets all that noise was made from when a job ends, in the middle of a round or not",
        arguments: [RunChange.finished, .exhausted(reason: "x"), .failed(reason: "x"), .cancelled],
        [false, true]
    )
    func forgottenKeysOfJobs(end: RunChange, isOpen: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let database = try CoordinatorDatabase()
            let store = CoordinatorStore(database: database, payloads: try PayloadStore(directory: folder))
            try await store.submitSample()
            let adapter = try await store.runs.keep(.sample())
            let key = NoiseKey()
            func charge(_ round: Int) -> RunChange {
                .charged(
                    PrivacyCharge(round: round, steps: nil, clippingNorm: 1, noiseKey: key, isKeyShared: true)
                )
            }
            var changes: [RunChange] = [
                .began(initial: adapter), .opened(round: 1, cohort: []), charge(1),
                .committed(round: 1, global: adapter),
            ]
            if isOpen { changes += [.opened(round: 2, cohort: []), charge(2)] }
            var expected = RunState()
            for change in changes + [end] {
                if change == end { #expect(expected.noiseKey == key) }
                expected.apply(change)
                try await store.runs.apply(change, to: .sample)
            }
            #expect(expected.phase.isFinal && expected.noiseKey == nil)
            #expect(try await store.runs.state(of: .sample) == expected)
            let count = try await database.writer.read { db in
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM privacy_charge WHERE noise_key IS NOT NULL")
            }
            #expect(count == 0)
        }
    }

    @Test("returns adapters bit for bit")
    func adapters() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkAdapters {
                try CoordinatorStore.temporary(in: folder).runs
            }
        }
    }

    @Test("never returns a payload that is gone or has changed")
    func damage() async throws {
        try await withTemporaryDirectory { folder in
            try await RunStoreConformance.checkDamage {
                try CoordinatorStore.temporary(in: folder).runs
            } flipBit: { store, bit, digest in
                let file = store.payloads.file(of: digest)
                var bytes = try Data(contentsOf: file)
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try bytes.write(to: file)
            }
        }
    }

    @Test("agrees with the fold of states after any steps in any order", arguments: 0..<48 as Range<UInt64>)
    func agreesWithFold(seed: UInt64) async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample()
            var generator = CounterGenerator(seed: seed)
            var expected = RunState()
            for _ in 0..<60 {
                // Every other run is asynchronous from some step on, with steps of other rounds in between.
                let change =
                    seed.isMultiple(of: 2) || Int.random(in: 0..<5, using: &generator) == 0
                    ? RunChange.random(using: &generator) : .randomAsynchronous(after: expected, using: &generator)
                expected.apply(change)
                try await store.runs.apply(change, to: .sample)
                let state = try await store.runs.state(of: .sample)
                #expect(state == expected, "after \(change)")
                guard state == expected else { return }
            }
        }
    }

    @Test("counts an update once, however often and from however many tasks it is accepted")
    func acceptsOnce() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.durable(in: folder)
            try await store.openRound(for: ["a", "b"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for content in 0..<16 as Range<UInt8> {
                    group.addTask {
                        try await store.runs.apply(.accepted(.sample("a", round: 1, content: content)), to: .sample)
                    }
                }
                try await group.waitForAll()
            }
            let accepted = try await store.runs.state(of: .sample).openRound?.accepted
            #expect(accepted?.count == 1)
        }
    }

    @Test("says that it does not know a job")
    func unknownJob() async throws {
        try await withTemporaryDirectory { folder in
            let runs = try CoordinatorStore.temporary(in: folder).runs
            await #expect(throws: CoordinatorError.unknownJob(.sample)) { try await runs.state(of: .sample) }
            await #expect(throws: CoordinatorError.unknownJob(.sample)) { try await runs.apply(.finished, to: .sample) }
        }
    }

    @Test("keeps a figure that is not a number as one")
    func notANumber() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample()
            let figures = [Double.nan, .infinity, 1e-300].enumerated().map { index, value in
                Measurement(round: 1, client: nil, phase: "round", name: "\(index)", value: value)
            }
            try await store.runs.apply(.measured(figures), to: .sample)
            let found = try await store.jobs.measurements(of: .sample).map(\.value.bitPattern)
            #expect(found == [Double.nan, .infinity, 1e-300].map(\.bitPattern))
        }
    }

    @Test("tells sessions which updates of asynchronous rounds can count")
    func asynchronousStanding() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample()
            let runs = store.runs
            let handed = try await runs.keep(.sample(seed: 1))
            let other = try await runs.keep(.sample(seed: 2))
            try await runs.apply(.began(initial: other), to: .sample)
            for (number, client) in (["a", "b"] as [ClientID]).enumerated() {
                let task = AsynchronousTask(number: number + 1, version: 0, adapter: handed)
                try await runs.apply(.assigned(task, to: client), to: .sample)
            }
            #expect(try await runs.standing(of: .sample("a", round: 1)) == .awaited(handed: handed))
            #expect(try await runs.isFetchable(PayloadDigest(handed.digest), by: "a"))
            #expect(try await !runs.isFetchable(PayloadDigest(handed.digest), by: "c"))
            try await runs.apply(.accepted(.sample("a", round: 1, content: 3)), to: .sample)
            try await runs.apply(
                .assigned(AsynchronousTask(number: 3, version: 0, adapter: handed), to: "a"),
                to: .sample
            )
            // Also when the client has other work, and after the step that it is part of.
            #expect(try await runs.standing(of: .sample("a", round: 1, content: 3)) == .accepted)
            try await runs.apply(.committed(round: 1, global: other), to: .sample)
            #expect(try await runs.standing(of: .sample("a", round: 1, content: 3)) == .accepted)
            for stray in [
                UpdateOffer.sample("a", round: 1, content: 4), .sample("a", round: 2), .sample("z", round: 1),
            ] {
                guard case .settled = try await runs.standing(of: stray) else {
                    Issue.record("\(stray.client) may send an update for \(stray.order.round)")
                    continue
                }
            }
            #expect(try await runs.standing(of: .sample("a", round: 3)) == .awaited(handed: handed))
            #expect(try await store.jobs.report(of: .sample).summary.committedRounds == 1)
        }
    }

    // MARK: - Payloads

    @Test("keeps what a client of asynchronous rounds was handed as long as its work or its update needs it")
    func asynchronousPayloads() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample()
            let runs = store.runs
            func keep(_ seed: UInt64) async throws -> AdapterReference { try await runs.keep(.sample(seed: seed)) }
            func assign(_ number: Int, _ version: Int, _ adapter: AdapterReference, _ client: ClientID) async throws {
                let task = AsynchronousTask(number: number, version: version, adapter: adapter)
                try await runs.apply(.assigned(task, to: client), to: .sample)
            }
            func accept(_ number: Int, _ adapter: AdapterReference, _ client: ClientID) async throws {
                let order = WorkOrder.ID(job: .sample, round: number, kind: .train)
                try await runs.apply(
                    .accepted(
                        UpdateOffer(client: client, order: order, adapter: adapter, exampleCount: 1, metrics: [:])
                    ),
                    to: .sample
                )
            }
            let (initial, first, second) = (try await keep(1), try await keep(2), try await keep(3))
            let (cut, slow, fast) = (try await keep(4), try await keep(5), try await keep(6))
            try await runs.apply(.began(initial: initial), to: .sample)
            try await assign(1, 0, initial, "slow")
            try await assign(2, 0, cut, "fast")
            try await accept(2, fast, "fast")
            try await runs.apply(.committed(round: 1, global: first), to: .sample)
            // The slow one still trains from the initial adapter.
            #expect(try store.payloads.digests == Set([initial, first, second, slow].map(\.digest)))
            try await accept(1, slow, "slow")
            try await assign(3, 1, first, "slow")
            // It is buffered now, and what it was trained from with it, though its client has other work.
            try await store.removeUnusedPayloads()
            #expect(try store.payloads.digests == Set([initial, first, slow].map(\.digest)))
            #expect(try await keep(3) == second)
            try await runs.apply(.committed(round: 2, global: second), to: .sample)
            #expect(try store.payloads.digests == Set([first, second].map(\.digest)))
        }
    }

    @Test("removes what a committed round handed out and counted, and nothing that is still needed")
    func freesPayloads() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let handed = try await store.openRound(for: ["a", "b"])
            let update = try await store.runs.keep(.sample(seed: 7))
            let offer = UpdateOffer(
                client: "a",
                order: WorkOrder.ID(job: .sample, round: 1, kind: .train),
                adapter: update,
                exampleCount: 1,
                metrics: [:]
            )
            try await store.runs.apply(.accepted(offer), to: .sample)
            let result = try await store.runs.keep(.sample(seed: 8))
            #expect(try store.payloads.digests == Set([handed, update, result].map(\.digest)))

            try await store.runs.apply(.committed(round: 1, global: result), to: .sample)
            #expect(try store.payloads.digests == [result.digest])
        }
    }

    @Test("needs nothing of a round that was open when its job ended")
    func endedInOpenRound() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let handed = try await store.openRound(for: ["a"])
            let update = try await store.runs.keep(.sample(seed: 7))
            try await store.runs.apply(.accepted(.sample("a", adapter: update)), to: .sample)
            #expect(try await store.runs.neededPayloads() == [handed.digest, update.digest])
            try await store.runs.apply(.cancelled, to: .sample)
            // The job goes on from what it handed out; that is its result as well.
            #expect(try await store.runs.neededPayloads() == [handed.digest])
            try await store.removeUnusedPayloads()
            #expect(try store.payloads.digests == [handed.digest])
            #expect(try store.runs.damage(.missing, of: update.digest).uses.isEmpty)
        }
    }

    @Test("lets go of the payload of an update that was rejected, and of none that is needed")
    func rejected() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let handed = try await store.openRound(for: ["a", "b"])
            let registry = SessionRegistry(metrics: CoordinatorMetrics(factory: MetricsRegistry()))
            let backend = LiveCohortBackend(registry: registry, store: store.runs)
            let update = try await store.runs.keep(.sample(seed: 7))
            let accepted = UpdateOffer.sample("a", adapter: update)
            try await store.runs.apply(.accepted(accepted), to: .sample)
            await backend.answer(accepted, with: .accepted)
            let useless = try await store.runs.keep(.sample(seed: 8))
            for adapter in [useless, update, handed] {
                await backend.answer(.sample("b", adapter: adapter), with: .rejected(reason: "It does not fit."))
            }
            #expect(try store.payloads.digests == [handed.digest, update.digest])
        }
    }

    @Test("reads where a run stands when a client's figures are none", arguments: [Double.nan, .infinity])
    func strangeStandings(figure: Double) async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            _ = try await store.openRound(for: ["a", "b"])
            for (client, epsilon) in [("a", figure), ("b", 0.5)] as [(ClientID, Double)] {
                let offer = UpdateOffer(
                    client: client,
                    order: WorkOrder.ID(job: .sample, round: 1, kind: .train),
                    adapter: try await store.runs.keep(.sample(seed: 7)),
                    exampleCount: 1,
                    metrics: [SiloStanding.epsilonName: epsilon, SiloStanding.nextName: 1]
                )
                try await store.runs.apply(.accepted(offer), to: .sample)
            }
            try await store.runs.apply(.committed(round: 1, global: store.runs.keep(.sample(seed: 8))), to: .sample)
            #expect(try await store.runs.state(of: .sample).siloStandings == ["b": SiloStanding(epsilon: 0.5, next: 1)])
        }
    }

    @Test("sweeps away what no record refers to")
    func sweeps() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let handed = try await store.openRound(for: ["a"])
            _ = try await store.runs.keep(.sample(seed: 9))
            try await store.removeUnusedPayloads()
            #expect(try store.payloads.digests == [handed.digest])
        }
    }
}

extension UpdateOffer {
    fileprivate static func sample(_ client: ClientID, adapter: AdapterReference) -> UpdateOffer {
        UpdateOffer(
            client: client,
            order: WorkOrder.ID(job: .sample, round: 1, kind: .train),
            adapter: adapter,
            exampleCount: 1,
            metrics: [:]
        )
    }
}

extension AdapterPayloads {
    /// What is in the payload folder.
    fileprivate var digests: Set<ContentDigest> {
        get throws { Set(try store.digests().map(ContentDigest.init)) }
    }
}

extension RunChange {
    /// A step of asynchronous rounds, which often follows from `state`.
    fileprivate static func randomAsynchronous(
        after state: RunState,
        using generator: inout CounterGenerator
    ) -> RunChange {
        let clients: [ClientID] = ["a", "b", "c"]
        let client = clients[Int.random(in: 0..<3, using: &generator)]
        let next = state.asynchronous.latestNumber + 1
        let number = Int.random(in: max(1, next - 3)...next, using: &generator)
        let round = state.committedRounds + Int.random(in: 0...1, using: &generator)
        let adapter = AdapterReference.sample(UInt8.random(in: 0..<8, using: &generator))
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return .began(initial: adapter)
        case 1..<7: return .assigned(.init(number: next, version: state.committedRounds, adapter: adapter), to: client)
        case 7: return .assigned(.init(number: number, version: round, adapter: adapter), to: client)
        case 8..<14:
            let open = state.asynchronous.openTask(of: client)?.number ?? number
            return .accepted(.sample(client, round: open, content: UInt8.random(in: 0..<4, using: &generator)))
        case 14: return .accepted(.sample(client, round: number))
        case 15..<18: return .committed(round: round, global: adapter)
        case 18: return .abandoned(round: round, reason: "because")
        default: return .evaluated(round: round)
        }
    }

    /// Any step, whether or not it can follow.
    fileprivate static func random(using generator: inout CounterGenerator) -> RunChange {
        let round = Int.random(in: 1...3, using: &generator)
        let clients: [ClientID] = ["a", "b", "c", "d"]
        let adapter = AdapterReference.sample(UInt8.random(in: 0..<8, using: &generator))
        switch Int.random(in: 0..<40, using: &generator) {
        case 0..<4: return .began(initial: adapter)
        case 4..<12:
            let cohort = clients.shuffled(using: &generator).prefix(3)
            return .opened(round: round, cohort: cohort.map { CohortMember(client: $0, adapter: adapter) })
        case 12..<26:
            let client = clients[Int.random(in: 0..<4, using: &generator)]
            return .accepted(.sample(client, round: round, content: UInt8.random(in: 0..<4, using: &generator)))
        case 26..<31: return .committed(round: round, global: adapter)
        case 31..<34: return .abandoned(round: round, reason: "because")
        case 34..<37: return .evaluated(round: round - 1)
        case 37:
            let client = clients[Int.random(in: 0..<4, using: &generator)]
            return .joined(round: round, member: CohortMember(client: client, adapter: adapter))
        case 38: return .measured([Measurement(round: round, client: "a", phase: "train", name: "loss", value: 1)])
        default:
            return Int.random(in: 0..<8, using: &generator) == 0 ? .failed(reason: "why") : .measured([])
        }
    }
}
