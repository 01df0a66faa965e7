import Adapters
import Aggregation
import FederatedLearning
import Foundation
import LinearAlgebra
import TestSupport
import Testing
import Transport

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

    @Test("agrees with the fold of states after any steps in any order", arguments: 0..<24 as Range<UInt64>)
    func agreesWithFold(seed: UInt64) async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample()
            var generator = CounterGenerator(seed: seed)
            var expected = RunState()
            for _ in 0..<60 {
                let change = RunChange.random(using: &generator)
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

    // MARK: - Payloads

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

extension AdapterPayloads {
    /// What is in the payload folder.
    fileprivate var digests: Set<ContentDigest> {
        get throws { Set(try store.digests().map(ContentDigest.init)) }
    }
}

extension RunChange {
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
        case 34..<38: return .evaluated(round: round - 1)
        case 38: return .measured([Measurement(round: round, client: "a", phase: "train", name: "loss", value: 1)])
        default:
            return Int.random(in: 0..<8, using: &generator) == 0 ? .failed(reason: "why") : .measured([])
        }
    }
}
