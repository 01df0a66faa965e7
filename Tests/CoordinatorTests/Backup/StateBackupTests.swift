import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("Backups")
struct StateBackupTests {
    private static func stateDirectory(in folder: URL) throws -> StateDirectory {
        try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: ListenAddress(host: "127.0.0.1", port: 0),
            hosts: ["example.org"],
            now: Date()
        )
    }

    /// Adds a job with one committed round, and an open one that has the update of one of its two clients.
    private static func work(in store: CoordinatorStore) async throws -> RunState {
        let handed = try await store.openRound(for: ["a", "b"])
        for client in ["a", "b"] as [ClientID] {
            try await store.runs.apply(.accepted(try await offer(of: client, 1, in: store)), to: .sample)
        }
        let result = try await store.runs.keep(.sample(seed: 77))
        try await store.runs.apply(.committed(round: 1, global: result), to: .sample)
        let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: handed) }
        _ = try await store.runs.keep(.sample())
        try await store.runs.apply(.opened(round: 2, cohort: cohort), to: .sample)
        try await store.runs.apply(.accepted(try await offer(of: "a", 2, in: store)), to: .sample)
        return try await store.runs.state(of: .sample)
    }

    private static func offer(of client: ClientID, _ round: Int, in store: CoordinatorStore) async throws -> UpdateOffer
    {
        let seed = UInt64(round) << 8 | UInt64(client.rawValue.utf8.first ?? 0)
        return UpdateOffer(
            client: client,
            order: .init(job: .sample, round: round, kind: .train),
            adapter: try await store.runs.keep(.sample(seed: seed)),
            exampleCount: 1,
            metrics: [:]
        )
    }

    @Test("hold everything that a server needs to go on, and restore it bit for bit")
    func wholeJourney() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.stateDirectory(in: folder)
            let store = try directory.openStore()
            _ = try await store.enrol("berlin")
            let state = try await Self.work(in: store)
            let head = try await store.audit.verify()
            let target = folder.appendingPathComponent("backups/monday")
            let outcome = try await StateBackup(of: directory).write(to: target, now: .sample)
            #expect(outcome.damage.isEmpty)
            #expect(outcome.manifest.auditHead == head.description)

            // What happens afterwards is not in it.
            try await store.clients.revoke("berlin", now: .sample)

            let (restored, manifest) = try StateDirectory.restore(
                from: target,
                at: folder.appendingPathComponent("restored")
            )
            #expect(manifest == outcome.manifest)
            #expect(try restored.settings() == directory.settings())
            #expect(try restored.authority().fingerprint == directory.authorityFingerprint())
            _ = try restored.serverCredentials()
            #expect(try restored.adminToken() == directory.adminToken())
            let found = try restored.openStore()
            #expect(try await found.runs.state(of: .sample) == state)
            #expect(try await found.audit.verify(since: head) == head)
            #expect(try await found.clients.clients().map(\.revokedAt) == [nil])
            #expect(try await found.runs.findDamage().isEmpty)
            let needed = try await store.runs.neededPayloads()
            #expect(try Set(found.payloads.store.digests().map { ContentDigest($0) }) == needed)
            let global = try #require(state.global)
            #expect(try await found.runs.adapter(global) == store.runs.adapter(global))
            #expect(try Self.mode(of: restored.root) == 0o700)
            #expect(try Self.mode(of: restored.root.appendingPathComponent("ca/authority-key.pem")) == 0o600)
            #expect(try Self.mode(of: target) == 0o700)
            #expect(try Self.mode(of: target.appendingPathComponent("tls/server-key.pem")) == 0o600)
        }
    }

    private static func mode(of file: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    }

    @Test("show one moment while the server commits round after round", .timeLimit(.minutes(1)))
    func whileServing() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.stateDirectory(in: folder)
            let store = try directory.openStore()
            let handed = try await store.openRound(for: ["a"])
            let cohort = [CohortMember(client: "a", adapter: handed)]
            let serving = Task {
                for round in 1...400 {
                    if round > 1 {
                        _ = try await store.runs.keep(.sample())
                        try await store.runs.apply(.opened(round: round, cohort: cohort), to: .sample)
                    }
                    try await store.runs.apply(.accepted(try await Self.offer(of: "a", round, in: store)), to: .sample)
                    let result = try await store.runs.keep(.sample(seed: UInt64(round) << 32))
                    try await store.runs.apply(.committed(round: round, global: result), to: .sample)
                    if Task.isCancelled { return }
                }
            }
            for number in 0..<8 {
                let target = folder.appendingPathComponent("backup-\(number)")
                let outcome = try await StateBackup(of: directory).write(to: target, now: .sample)
                #expect(outcome.damage.isEmpty)
                let (restored, _) = try StateDirectory.restore(
                    from: target,
                    at: folder.appendingPathComponent("restored-\(number)")
                )
                let found = try restored.openStore()
                #expect(try await found.runs.findDamage().isEmpty)
                let state = try await found.runs.state(of: .sample)
                let global = try #require(state.global)
                _ = try await found.runs.adapter(global)
            }
            serving.cancel()
            if case .failure(let error) = await serving.result, !(error is CancellationError) { throw error }
        }
    }

    @Test("never go where something is, nor are restored there")
    func occupied() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.stateDirectory(in: folder)
            let target = folder.appendingPathComponent("backup")
            _ = try await StateBackup(of: directory).write(to: target, now: .sample)
            await #expect(throws: CoordinatorError.folderNotEmpty(path: target.path)) {
                try await StateBackup(of: directory).write(to: target, now: .sample)
            }
            #expect(throws: CoordinatorError.folderNotEmpty(path: directory.root.path)) {
                try StateDirectory.restore(from: target, at: directory.root)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["backup", "server"])
        }
    }

    @Test("say which payload is missing or damaged and who needs it, and hold the rest")
    func damage() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.stateDirectory(in: folder)
            let store = try directory.openStore()
            let state = try await Self.work(in: store)
            let global = try #require(state.global?.digest)
            let update = try #require(state.openRound?.accepted["a"]?.adapter.digest)
            try Self.flipBit(12_345, of: store.payloads.file(of: global))
            try FileManager.default.removeItem(at: store.payloads.file(of: update))
            let target = folder.appendingPathComponent("backup")
            let outcome = try await StateBackup(of: directory).write(to: target, now: .sample)
            #expect(Set(outcome.damage.map(\.digest)) == [global, update])
            let texts = outcome.damage.map(\.description).joined(separator: "\n")
            #expect(
                texts.contains(
                    "\(global.hexadecimal)' has changed on disk. It is the adapter that the job goes on from"
                )
            )
            #expect(
                texts.contains(
                    "\(update.hexadecimal)' is missing. It is the update of 'a', round 2 of job \(JobID.sample)"
                )
            )
            #expect(outcome.manifest.missing.count == 2)
            let (restored, _) = try StateDirectory.restore(from: target, at: folder.appendingPathComponent("restored"))
            #expect(try await restored.openStore().runs.state(of: .sample) == state)
            // A server that starts says the same of what is not there.
            #expect(try await store.runs.findDamage().map(\.digest) == [update])
        }
    }

    private static func flipBit(_ bit: Int, of file: URL) throws {
        var bytes = try Data(contentsOf: file)
        let index = bit / 8 % bytes.count
        bytes[index] ^= 1 << UInt8(bit % 8)
        try bytes.write(to: file)
    }

    @Test("are refused when a bit of any file has changed or a file is gone, and leave nothing behind")
    func damagedBackup() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.stateDirectory(in: folder)
            _ = try await Self.work(in: directory.openStore())
            let target = folder.appendingPathComponent("backup")
            let manifest = try await StateBackup(of: directory).write(to: target, now: .sample).manifest
            let root = folder.appendingPathComponent("restored")
            #expect(manifest.files.count >= 9)
            for path in manifest.files.keys {
                let file = target.appendingPathComponent(path)
                let whole = try Data(contentsOf: file)
                for change in 0..<3 {
                    if change < 2 {
                        try Self.flipBit(8 * whole.count / 3 * change + 5, of: file)
                    } else {
                        try FileManager.default.removeItem(at: file)
                    }
                    #expect(throws: CoordinatorError.backupDamaged(path: target.path, file: path)) {
                        try StateDirectory.restore(from: target, at: root)
                    }
                    #expect(!FileManager.default.fileExists(atPath: root.path))
                    try whole.write(to: file)
                }
            }
            _ = try StateDirectory.restore(from: target, at: root)
        }
    }

    @Test("that name files outside of themselves are refused")
    func climbing() async throws {
        try await withTemporaryDirectory { folder in
            let backup = folder.appendingPathComponent("backup")
            try FileManager.default.createDirectory(at: backup, withIntermediateDirectories: false)
            #expect(throws: CoordinatorError.notABackup(path: backup.path)) {
                try StateDirectory.restore(from: backup, at: folder.appendingPathComponent("restored"))
            }
            try Data("secret".utf8).write(to: folder.appendingPathComponent("secret"))
            for path in ["../secret", "/etc/passwd", "a/../../secret", ""] {
                let manifest = BackupManifest(
                    madeAt: .sample,
                    auditHead: "0:",
                    files: [path: BackupManifest.File(bytes: 6, sha256: String(repeating: "0", count: 64))],
                    missing: []
                )
                try AdminCoding.encode(manifest).write(to: backup.appendingPathComponent("backup.json"))
                #expect(throws: CoordinatorError.backupDamaged(path: backup.path, file: path)) {
                    try StateDirectory.restore(from: backup, at: folder.appendingPathComponent("restored"))
                }
            }
        }
    }
}
