import Aggregation
import FederatedLearning
import Foundation
import GRDB
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("A database of the first version")
struct MigrationTests {
    private func withOldest(_ body: (CoordinatorStore, CoordinatorDatabase) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("tributary.sqlite")
            try OldestDatabase.write(to: file)
            let database = try CoordinatorDatabase(file: file)
            let payloads = try PayloadStore(directory: folder.appendingPathComponent("payloads"))
            try await body(CoordinatorStore(database: database, payloads: payloads), database)
        }
    }

    @Test("goes on in the round in which it was stopped")
    func run() async throws {
        try await withOldest { store, _ in
            let job = try #require(try await store.jobs.nextJob())
            #expect(job.configuration.cohort.deadline == .seconds(600))
            #expect(job.configuration.cohort.population == 2)
            #expect(job.configuration.robust == .init())
            let state = try await store.runs.state(of: job.id)
            #expect(state.phase == .running)
            #expect(state.committedRounds == 1)
            #expect(state.evaluatedRound == 0)
            #expect(state.moments == nil)
            #expect(state.asynchronous.isEmpty)
            let open = try #require(state.openRound)
            #expect(open.number == 2)
            #expect(open.cohort.map(\.client) == ["berlin", "paris"])
            #expect(open.accepted["berlin"]?.metrics == ["loss": 0.4])
            #expect(open.accepted["paris"] == nil)
            try await store.runs.apply(.accepted(offer(of: "paris", in: job.id)), to: job.id)
            #expect(try await store.runs.state(of: job.id).openRound?.accepted.count == 2)
        }
    }

    private func offer(of client: ClientID, in job: JobID) -> UpdateOffer {
        UpdateOffer(
            client: client,
            order: .init(job: job, round: 2, kind: .train),
            adapter: .sample(9),
            exampleCount: 1,
            metrics: [:]
        )
    }

    @Test("knows its clients, and its audit log verifies and grows")
    func clients() async throws {
        try await withOldest { store, database in
            let client = try #require(try await store.clients.clients().first)
            #expect(client.name == "berlin")
            #expect(client.tags == ["site": "berlin"])
            let fingerprint = try #require(ContentDigest(hexadecimal: OldestDatabase.digests[1]))
            #expect(try await store.clients.admission(of: "berlin", fingerprint: fingerprint) == .admitted)
            #expect(try await store.audit.verify().sequence == 2)
            try await store.clients.revoke("berlin", now: .sample)
            #expect(try await store.audit.verify().sequence == 3)
        }
    }

    @Test("carries checksums afterwards, and is as it was")
    func checksums() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("tributary.sqlite")
            try OldestDatabase.write(to: file)
            #expect(try Data(contentsOf: file)[20] == 0)
            let database = try CoordinatorDatabase(file: file)
            try await database.verify()
            #expect(try Data(contentsOf: file)[20] == 8)
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.contains("upgrade") }
            )
        }
    }

    @Test("has the tables of a new one afterwards, column by column")
    func tables() async throws {
        let new = try await columns(of: CoordinatorDatabase())
        try await withOldest { _, database in
            let migrated = try await columns(of: database)
            #expect(migrated == new)
        }
    }

    private func columns(of database: CoordinatorDatabase) async throws -> [String: [String]] {
        try await database.writer.read { db in
            let tables = try String.fetchAll(
                db,
                sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
            return try Dictionary(
                uniqueKeysWithValues: tables.map { table in (table, try db.columns(in: table).map(\.name).sorted()) }
            )
        }
    }
}
