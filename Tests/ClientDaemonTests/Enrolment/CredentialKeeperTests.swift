import ClientDaemon
import Foundation
import TestSupport
import Testing
import Transport

@Suite("A client's credentials")
struct CredentialKeeperTests {
    private static let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))

    /// Lends a joined directory, its keeper and its authority.
    private func withKeeper(
        _ body: (ClientDirectory, CredentialKeeper, CertificateAuthority) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let authority = try CertificateAuthority.create(name: "test", now: Self.now)
            let key = NodeKey()
            try directory.createCredentialsFolder()
            try key.write(to: directory.privateKeyFile)
            try authority.certificate.write(to: directory.authorityFile)
            try authority.issueClient(name: "berlin", publicKey: key.publicKey, now: Self.now)
                .write(to: directory.certificateFile)
            try body(directory, CredentialKeeper(try Self.read(directory), of: directory), authority)
        }
    }

    private static func read(_ directory: ClientDirectory) throws -> ClientCredentials {
        try ClientCredentials(
            certificateFile: directory.certificateFile,
            keyFile: directory.privateKeyFile,
            authorityFiles: [directory.authorityFile]
        )
    }

    @Test("are due at two thirds of their life, looked at every hour, and asked for again before they end")
    func schedule() async throws {
        try await withKeeper { _, keeper, _ in
            #expect(keeper.wait(at: Self.now, isRetry: false) == .seconds(3600))
            #expect(keeper.wait(at: Self.now + 57_000, isRetry: false) == .seconds(600))
            #expect(!keeper.isDue(at: Self.now + 57_599))
            #expect(keeper.isDue(at: Self.now + 57_600))
            #expect(keeper.wait(at: Self.now + 57_600, isRetry: false) == .zero)
            #expect(keeper.wait(at: Self.now + 57_600, isRetry: true) == .seconds(2880))
            #expect(keeper.wait(at: Self.now + 86_399, isRetry: true) == .seconds(1))
            // Somebody set the clock a year ahead.
            #expect(keeper.wait(at: Self.now + 31_536_000, isRetry: true) == .seconds(1))
            #expect(keeper.hasEnded(at: Self.now + 31_536_000))
            #expect(!keeper.hasEnded(at: Self.now + 86_000))
            // Not begun is not ended.
            #expect(!keeper.hasEnded(at: Self.now - 31_536_000))
        }
    }

    @Test("of a first join are whole when a crash came between the certificate and its key")
    func interruptedJoin() async throws {
        try await withKeeper { directory, keeper, _ in
            try FileManager.default.moveItem(
                at: directory.privateKeyFile,
                to: directory.privateKeyFile.appendingPathExtension("next")
            )
            try ConfigurationFile.establish(server: ServerAddress(host: "127.0.0.1", port: 8443), in: directory)
            let membership = try Membership(of: directory, configuration: ConfigurationFile.read(from: directory))
            #expect(membership.credentials.certificate == keeper.credentials.certificate)
            #expect(FileManager.default.fileExists(atPath: directory.privateKeyFile.path))
        }
    }

    @Test("are renewed with a new key, on disk and for the next connection")
    func renews() async throws {
        try await withKeeper { directory, keeper, authority in
            let old = keeper.credentials.certificate
            let request = try keeper.request()
            // The old pair is in use until the answer comes, also after a crash.
            #expect(try Self.read(directory).certificate == old)
            let publicKey = try NodePublicKey(certificateRequest: request)
            let next = try CertificateAuthority.create(name: "next", now: Self.now)
            let new = try next.issueClient(name: "berlin", publicKey: publicKey, now: Self.now)
            try keeper.accept(
                certificate: new.bytes,
                authorities: [next.certificate.bytes, authority.certificate.bytes]
            )
            #expect(keeper.credentials.certificate == new)
            let read = try Self.read(directory)
            #expect(read.certificate == new)
            #expect(read.authorities == [next.certificate, authority.certificate])
        }
    }

    @Test("do not change by an answer that is for another key, another name or from nobody that is trusted")
    func refuses() async throws {
        try await withKeeper { directory, keeper, authority in
            let old = keeper.credentials.certificate
            let publicKey = try NodePublicKey(certificateRequest: keeper.request())
            let stranger = try CertificateAuthority.create(name: "stranger", now: Self.now)
            let wrong = try [
                authority.issueClient(name: "berlin", publicKey: NodeKey().publicKey, now: Self.now),
                authority.issueClient(name: "paris", publicKey: publicKey, now: Self.now),
                authority.issueServer(hosts: ["localhost"], publicKey: publicKey, now: Self.now),
                stranger.issueClient(name: "berlin", publicKey: publicKey, now: Self.now),
            ]
            for certificate in wrong {
                #expect(throws: CredentialError.self) {
                    try keeper.accept(certificate: certificate.bytes, authorities: [authority.certificate.bytes])
                }
            }
            #expect(throws: CredentialError.self) { try keeper.accept(certificate: [1, 2, 3], authorities: []) }
            #expect(keeper.credentials.certificate == old)
            #expect(try Self.read(directory).certificate == old)
        }
    }
}
