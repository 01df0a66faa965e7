import Adapters
import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("A server that is killed")
struct CrashTests {
    /// What `kill -9` leaves is what the files hold, the write-ahead log included: a copy of them is a killed server's.
    @Test("finds every step that was confirmed, at every instant between two steps")
    func everyStepSurvives() async throws {
        try await withTemporaryDirectory { folder in
            let living = folder.appendingPathComponent("living")
            try FileManager.default.createDirectory(at: living, withIntermediateDirectories: false)
            let store = try CoordinatorStore.durable(in: living)
            try await store.submitSample()
            let handed = try await store.runs.keep(.sample(seed: 1))
            let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: handed) }
            var expected = RunState()
            var steps: [RunChange] = [.began(initial: handed), .evaluated(round: 0)]
            for round in 1...3 {
                let result = try await store.runs.keep(.sample(seed: UInt64(round)))
                steps += [
                    .opened(round: round, cohort: cohort), .accepted(.sample("b", round: round)),
                    .accepted(.sample("a", round: round)), .committed(round: round, global: result),
                    .evaluated(round: round),
                ]
            }
            for (number, step) in (steps + [.finished]).enumerated() {
                expected.apply(step)
                try await store.runs.apply(step, to: .sample)
                let killed = folder.appendingPathComponent("killed-\(number)")
                try FileManager.default.copyItem(at: living, to: killed)
                let found = try CoordinatorStore.durable(in: killed)
                #expect(try await found.runs.state(of: .sample) == expected, "after \(step)")
            }
        }
    }

    /// A write-ahead log that ends in mid-record is what a power failure leaves.
    @Test("finds the step before or the step after, wherever the log is cut")
    func tornLog() async throws {
        try await withTemporaryDirectory { folder in
            let living = folder.appendingPathComponent("living")
            try FileManager.default.createDirectory(at: living, withIntermediateDirectories: false)
            let store = try CoordinatorStore.durable(in: living)
            try await store.openRound(for: ["a", "b"])
            let before = try await store.runs.state(of: .sample)
            let log = living.appendingPathComponent("tributary.sqlite-wal")
            let lengthBefore = try Data(contentsOf: log).count
            // The power fails before the step is acknowledged, and so before it is noted.
            let mark = try Data(contentsOf: living.appendingPathComponent("tributary.sqlite.commits"))
            try await store.runs.apply(.accepted(.sample("a", round: 1)), to: .sample)
            let after = try await store.runs.state(of: .sample)
            let whole = try Data(contentsOf: log)
            #expect(whole.count > lengthBefore)
            for cut in stride(from: lengthBefore, through: whole.count, by: 509) {
                let killed = folder.appendingPathComponent("cut-\(cut)")
                try FileManager.default.copyItem(at: living, to: killed)
                try whole.prefix(cut).write(to: killed.appendingPathComponent("tributary.sqlite-wal"))
                try mark.write(to: killed.appendingPathComponent("tributary.sqlite.commits"))
                try? FileManager.default.removeItem(at: killed.appendingPathComponent("tributary.sqlite-shm"))
                let found = try await CoordinatorStore.durable(in: killed).runs.state(of: .sample)
                #expect(found == before || found == after, "cut at \(cut)")
                try FileManager.default.removeItem(at: killed)
            }
        }
    }
}
