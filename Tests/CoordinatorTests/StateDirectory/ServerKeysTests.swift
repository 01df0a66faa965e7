import Foundation
import Logging
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("Keys of a server")
struct ServerKeysTests {
    private static let day: TimeInterval = 86_400
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    /// Whole seconds, as certificates have them.
    private let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))

    private func withDirectory(_ body: (StateDirectory) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            try await body(
                StateDirectory.create(
                    at: folder.appendingPathComponent("server"),
                    listen: ListenAddress(host: "127.0.0.1", port: 0),
                    hosts: ["example.org"],
                    now: now
                )
            )
        }
    }

    @Test("are renewed after two thirds of the certificate's life, and named as they were")
    func renewal() async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            let first = keys.identity.credentials.certificate
            #expect(first.notValidAfter == now + 365 * Self.day)
            try keys.maintain(now: now + 243 * Self.day)
            #expect(keys.identity.credentials.certificate == first)
            try keys.maintain(now: now + 244 * Self.day)
            let second = keys.identity.credentials.certificate
            #expect(second.notValidAfter == now + (244 + 365) * Self.day)
            #expect(keys.identity.credentials.authority == keys.issuer.authority.certificate)
            #expect(try directory.serverCredentials().certificate == second)
        }
    }

    @Test("that were put in place by hand are taken into use when they are read again, and broken ones are not")
    func reload() async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            let first = keys.identity.credentials.certificate
            try directory.issueServerCertificate(by: directory.authority(), settings: directory.settings(), now: now)
            #expect(keys.identity.credentials.certificate == first)
            try keys.reload()
            let second = keys.identity.credentials.certificate
            #expect(second != first)
            try Data("nonsense".utf8).write(to: directory.serverCertificate)
            #expect(throws: CredentialError.self) { try keys.reload() }
            #expect(keys.identity.credentials.certificate == second)
        }
    }

    @Test("let a new authority take over: both are trusted until the last certificate of the old one has ended")
    func rotation() async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            let old = keys.issuer.authority.certificate
            let rotation = try directory.rotateAuthority(now: now, lastCertificateEnds: now + Self.day)
            #expect(rotation.endsAt == now + Self.day)
            try keys.reload()
            let new = keys.issuer.authority.certificate
            #expect(new != old)
            #expect(keys.issuer.trusted == [new, old])
            // The server goes on showing what every client trusts, and join strings name that.
            #expect(keys.identity.credentials.authority == old)
            #expect(try directory.authorityFingerprint() == old.fingerprint)
            #expect(throws: CoordinatorError.rotationUnderWay(until: rotation.endsAt)) {
                try directory.rotateAuthority(now: now, lastCertificateEnds: now)
            }
            try keys.maintain(now: now + Self.day - 1)
            #expect(keys.issuer.trusted == [new, old])
            try keys.maintain(now: now + Self.day)
            #expect(keys.issuer.trusted == [new])
            #expect(keys.identity.credentials.authority == new)
            #expect(try directory.authorityFingerprint() == new.fingerprint)
            let left = try FileManager.default.contentsOfDirectory(
                atPath: directory.root.appendingPathComponent("ca").path
            )
            #expect(left.sorted() == ["authority-key.pem", "authority.pem"])
        }
    }

    @Test("are read again by a server that nobody told of the new authority")
    func untold() async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            let old = keys.issuer.authority.certificate
            _ = try directory.rotateAuthority(now: now, lastCertificateEnds: now + Self.day)
            try keys.maintain(now: now + 3600)
            #expect(keys.issuer.trusted == [try directory.authority().certificate, old])
        }
    }

    @Test("can be renewed while a new authority takes over, by the old one")
    func renewalInRotation() async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            let (old, first) = (keys.issuer.authority.certificate, keys.identity.credentials.certificate)
            _ = try directory.rotateAuthority(now: now, lastCertificateEnds: now + 300 * Self.day)
            try keys.reload()
            try keys.maintain(now: now + 250 * Self.day)
            #expect(keys.identity.credentials.certificate != first)
            #expect(keys.identity.credentials.authority == old)
        }
    }

    @Test("a change that a crash interrupted at its end is over, whatever was removed by then", arguments: 0...3)
    func interruptedEnd(removed: Int) async throws {
        try await withDirectory { directory in
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            _ = try directory.rotateAuthority(now: now, lastCertificateEnds: now)
            try keys.reload()
            let new = try directory.authority().certificate
            // As `maintainKeys` does.
            try directory.issueServerCertificate(by: directory.authority(), settings: directory.settings(), now: now)
            let files = [directory.previousAuthorityKey, directory.previousAuthority, directory.rotationFile]
            for file in files.prefix(removed) { try FileManager.default.removeItem(at: file) }

            let restarted = try ServerKeys(of: directory, now: now, logger: logger)
            try restarted.maintain(now: now)
            #expect(try directory.rotation() == nil)
            #expect(restarted.issuer.trusted == [new])
            #expect(restarted.identity.credentials.authority == new)
            #expect(!FileManager.default.fileExists(atPath: directory.previousAuthorityKey.path))
            _ = try directory.rotateAuthority(now: now, lastCertificateEnds: now)
            #expect(try directory.authority().certificate != new)
        }
    }

    /// What a crash leaves after the old authority was kept and before the new one is there.
    @Test("a change that a crash interrupted has not begun, and can be made again")
    func interruptedRotation() async throws {
        try await withDirectory { directory in
            let old = try directory.authority().certificate
            try old.write(to: directory.previousAuthority)
            try Data("{}".utf8).write(to: directory.rotationFile)
            #expect(try directory.rotation() == nil)
            let keys = try ServerKeys(of: directory, now: now, logger: logger)
            #expect(keys.issuer.authority.certificate == old)
            _ = try directory.rotateAuthority(now: now, lastCertificateEnds: now)
            #expect(try directory.authority().certificate != old)
        }
    }
}
