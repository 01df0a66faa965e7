import ClientDaemon
import Coordinator
import FederationHarness
import Foundation
import TestSupport
import Testing
import Transport

@Suite("Who may do what", .timeLimit(.minutes(2)))
struct IdentityTests {
    @Test("a second server on a state directory refuses to start")
    func locksStateDirectory() async throws {
        try await Federation.with { federation in
            try await federation.withServer { _ in
                let error = await #expect(throws: CoordinatorError.self) {
                    try await federation.withServer { _ in }
                }
                guard case .alreadyRunning = error else {
                    Issue.record("\(String(describing: error)) is another error")
                    return
                }
            }
        }
    }

    @Test("revoking a client closes its live session, and it does not come back")
    func revokes() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let directory = try await federation.join("silo")
                let daemon = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                _ = try await daemon.first { if case .welcomed(let name) = $0 { name } else { nil } }
                try await server.revoke("silo")
                guard case .revoked = await daemon.reasonToEnd() as? Refusal else {
                    Issue.record("the daemon did not hear of its revocation")
                    return
                }
                let again = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                #expect(await again.reasonToEnd() is Refusal)
            }
        }
    }

    @Test("a join string works once, and a directory joins once")
    func joinsOnce() async throws {
        try await Federation.with { federation in
            try await federation.withServer { _ in
                let invitation = try await federation.state.invite("silo", validFor: 60, now: .now)
                try await withTemporaryDirectory { folder in
                    let first = ClientDaemon.ClientDirectory(folder.appendingPathComponent("first"))
                    let second = ClientDaemon.ClientDirectory(folder.appendingPathComponent("second"))
                    _ = try await Membership.join(invitation.text, directory: first, logger: .silent)
                    await #expect(throws: EnrolmentError.self) {
                        _ = try await Membership.join(invitation.text, directory: second, logger: .silent)
                    }
                    #expect(!second.isJoined)
                    await #expect(throws: ClientError.alreadyJoined(path: first.url.path)) {
                        _ = try await Membership.join(invitation.text, directory: first, logger: .silent)
                    }
                    let expired = invitation.expiry + 1
                    await #expect(throws: JoinStringError.expired(invitation.expiry)) {
                        _ = try await Membership.join(
                            invitation.text,
                            directory: second,
                            now: expired,
                            logger: .silent
                        )
                    }
                }
            }
        }
    }

    @Test("an invitation from another authority is refused before the secret is shown")
    func comparesFingerprints() async throws {
        try await Federation.with { federation in
            try await federation.withServer { _ in
                let invitation = try await federation.state.invite("silo", validFor: 60, now: .now)
                let other = try CertificateAuthority.create(name: "other", now: .now)
                let forged = try JoinString(
                    host: invitation.host,
                    port: invitation.port,
                    authorityFingerprint: other.fingerprint,
                    secret: invitation.secret,
                    expiry: invitation.expiry
                )
                try await withTemporaryDirectory { folder in
                    let directory = ClientDaemon.ClientDirectory(folder.appendingPathComponent("silo"))
                    let error = await #expect(throws: TransportError.self) {
                        _ = try await Membership.join(forged.text, directory: directory, logger: .silent)
                    }
                    #expect(error?.kind == .identity)
                    #expect(!directory.isJoined)
                    // The secret was not used up.
                    _ = try await Membership.join(invitation.text, directory: directory, logger: .silent)
                }
            }
        }
    }

    @Test("a peer without a certificate gets no application byte")
    func refusesStrangers() async throws {
        try await Federation.with { federation in
            try await federation.withServer { _ in
                let directory = try await federation.join("silo")
                let server = try #require(try ConfigurationFile.read(from: directory).server)
                // OpenSSL is an independent peer; it shows what the server sends on its standard output.
                let arguments = ["-connect", "\(server)", "-tls1_3", "-quiet", "-CAfile", directory.authorityFile.path]
                let stranger = try OpenSSLClient.run(arguments, saying: [0, 0, 0, 1, 1])
                #expect(stranger.output.isEmpty)
                #expect(stranger.errors.contains("certificate required"))

                let member = try OpenSSLClient.run(
                    arguments + ["-cert", directory.certificateFile.path, "-key", directory.privateKeyFile.path],
                    saying: [0, 0, 0, 1, 1]
                )
                #expect(!member.output.isEmpty, "a member is told what it did wrong")
            }
        }
    }
}
