import Foundation
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("State directory")
struct StateDirectoryTests {
    private static let listen = ListenAddress(host: "127.0.0.1", port: 0)

    private static func create(in folder: URL, hosts: [String] = ["example.org"]) throws -> StateDirectory {
        try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: listen,
            hosts: hosts,
            now: Date()
        )
    }

    @Test("holds an authority, a server certificate of it, settings, a database and a token")
    func create() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.create(in: folder)
            #expect(try directory.settings() == .standard(listen: Self.listen, hosts: ["example.org"]))
            #expect(try directory.authority().fingerprint == directory.authorityFingerprint())
            _ = try directory.serverCredentials()
            #expect(try directory.adminToken().count >= 43)
            #expect(try await directory.openStore().clients.clients().isEmpty)
            #expect(try directory.runningServer() == nil)
        }
    }

    @Test("can be entered and read by its owner only")
    func permissions() async throws {
        try await withTemporaryDirectory { folder in
            let root = try Self.create(in: folder).root
            let expected = [
                "": 0o700, "ca": 0o700, "tls": 0o700, "payloads": 0o700, "ca/authority-key.pem": 0o600,
                "tls/server-key.pem": 0o600, "admin-token": 0o600, "server.yaml": 0o600, "tributary.sqlite": 0o600,
            ]
            for (name, mode) in expected {
                let path = name.isEmpty ? root.path : root.appendingPathComponent(name).path
                let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(found == mode, "\(name)")
            }
        }
    }

    @Test("is refused where something is already, and nothing there is touched")
    func refusesOccupiedFolder() async throws {
        try await withTemporaryDirectory { folder in
            let root = folder.appendingPathComponent("server")
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: false)
            try Data("mine".utf8).write(to: root.appendingPathComponent("note"))
            #expect(throws: CoordinatorError.folderNotEmpty(path: root.path)) { try Self.create(in: folder) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["server"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["note"])
        }
    }

    @Test("is made in an empty folder, too")
    func usesEmptyFolder() async throws {
        try await withTemporaryDirectory { folder in
            let root = folder.appendingPathComponent("server")
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: false)
            _ = try Self.create(in: folder)
            #expect(try StateDirectory(opening: root).settings().hosts == ["example.org"])
        }
    }

    @Test("leaves nothing behind when a host cannot be in a certificate")
    func leavesNothing() async throws {
        try await withTemporaryDirectory { folder in
            #expect(throws: CredentialError.self) { try Self.create(in: folder, hosts: ["not a host"]) }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.isEmpty)
        }
    }

    @Test("is told from any other folder")
    func refusesOtherFolder() async throws {
        try await withTemporaryDirectory { folder -> Void in
            #expect(throws: CoordinatorError.notAStateDirectory(path: folder.path)) {
                try StateDirectory(opening: folder)
            }
        }
    }

    @Test("belongs to one server at a time, and is free again afterwards")
    func lock() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.create(in: folder)
            var lock: StateDirectoryLock? = try directory.lock()
            let process = ProcessInfo.processInfo.processIdentifier
            #expect(throws: CoordinatorError.alreadyRunning(path: directory.root.path, process: process)) {
                try directory.lock()
            }
            withExtendedLifetime(lock) {}
            lock = nil
            _ = try directory.lock()
        }
    }

    @Test("announces where a server listens only as long as it runs")
    func announcement() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.create(in: folder)
            let addresses = BoundAddresses(
                federation: ListenAddress(host: "127.0.0.1", port: 1),
                enrolment: ListenAddress(host: "127.0.0.1", port: 2),
                admin: ListenAddress(host: "127.0.0.1", port: 3),
                process: 4
            )
            var lock: StateDirectoryLock? = try directory.lock()
            try directory.announce(addresses)
            #expect(try directory.runningServer() == addresses)
            withExtendedLifetime(lock) {}
            // Killed: the file is still there, the lock is not.
            lock = nil
            #expect(try directory.runningServer() == nil)
        }
    }
}
