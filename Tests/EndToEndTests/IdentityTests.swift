import ClientDaemon
import Coordinator
import FederatedLearning
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

    @Test("a directory whose certificate was revoked joins again, and keeps its key until another is certified")
    func joinsAgain() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let directory = try await federation.join("silo")
                let former = try Data(contentsOf: directory.privateKeyFile)
                let void = try await federation.state.invite("silo", validFor: 60, now: .now)
                try await server.revoke("silo")
                await #expect(throws: EnrolmentError.self) {
                    try await Membership.join(void.text, directory: directory, replacing: true, logger: .silent)
                }
                #expect(try Data(contentsOf: directory.privateKeyFile) == former)

                let invitation = try await federation.state.invite("silo", validFor: 60, now: .now)
                let enrolment = try await Membership.join(
                    invitation.text,
                    directory: directory,
                    replacing: true,
                    logger: .silent
                )
                #expect(enrolment.name == "silo")
                #expect(try Data(contentsOf: directory.privateKeyFile) != former)

                // The server has moved to another port since the file was written: the secret is spent for a membership all the same.
                let file = directory.configurationFile
                let current = try String(contentsOf: file, encoding: .utf8)
                let elsewhere = current.replacing("port: \(enrolment.port)", with: "port: 1")
                try elsewhere.write(to: file, atomically: true, encoding: .utf8)
                let another = try await federation.state.invite("silo", validFor: 60, now: .now)
                let objection = await #expect(throws: ClientError.self) {
                    try await Membership.join(another.text, directory: directory, replacing: true, logger: .silent)
                }
                guard case .serverMoved = objection else {
                    Issue.record("\(String(describing: objection))")
                    return
                }
                try current.write(to: file, atomically: true, encoding: .utf8)
                let daemon = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                #expect(try await daemon.first { if case .welcomed(let name) = $0 { name } else { nil } } == "silo")
                await daemon.kill()
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

    /// Replaces a client's certificate by one that was issued `age` ago, and has the server know it.
    private func age(
        _ directory: ClientDaemon.ClientDirectory,
        by age: TimeInterval,
        in federation: Federation
    ) async throws {
        let key = NodeKey()
        let issued = Date.now - age
        let certificate = try federation.state.authority()
            .issueClient(name: "silo", publicKey: key.publicKey, now: issued, validFor: .seconds(86_400))
        let clients = try federation.state.openStore().clients
        let secret = ContentDigest(hashing: certificate.bytes)
        try await clients.invite("silo", secretHash: secret, expiry: .distantFuture, now: issued)
        _ = try await clients.redeem(secretHash: secret, now: issued) { name in
            (
                (),
                IssuedCertificate(
                    name: name,
                    fingerprint: ContentDigest(hashing: certificate.bytes),
                    serial: certificate.serialNumber,
                    expiry: certificate.notValidAfter
                )
            )
        }
        try directory.keyPair.prepare(key)
        try directory.keyPair.commit(certificate)
    }

    @Test("a certificate is renewed over the live connection when two thirds of its life are over")
    func renews() async throws {
        try await Federation.with(createdAt: .now - 2 * 86_400) { federation in
            try await federation.withServer { server in
                let directory = try await federation.join("silo")
                try await age(directory, by: 16 * 3600 + 60, in: federation)
                let before = try NodeCertificate(contentsOf: directory.certificateFile)
                let daemon = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                let end = try await daemon.first { if case .renewed(let end) = $0 { end } else { nil } }
                #expect(end > .now + 23 * 3600)
                let after = try NodeCertificate(contentsOf: directory.certificateFile)
                #expect(after != before && after.notValidAfter == end)
                #expect(try await server.clients().first?.certificateExpiry == end)
                // The new pair works, and the former one until its end.
                await daemon.kill()
                let again = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                _ = try await again.first { if case .welcomed(let name) = $0 { name } else { nil } }
                await again.kill()
            }
        }
    }

    @Test("a new authority takes over while clients are connected, and nobody needs an invitation")
    func rotates() async throws {
        try await Federation.with(createdAt: .now - 2 * 86_400) { federation in
            let directory = try await federation.withServer { server in
                let directory = try await federation.join("silo")
                try await age(directory, by: 16 * 3600 + 60, in: federation)
                // Over at once, so that what takes the previous one's place is valid now; the server looks when it is told to.
                _ = try federation.state.rotateAuthority(now: .now, lastCertificateEnds: .now)
                try await server.reloadKeys()
                // It connects with what the previous authority issued, and is given what the new one does.
                let daemon = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                _ = try await daemon.first { if case .renewed(let end) = $0 { end } else { nil } }
                #expect(try NodeCertificate.bundle(contentsOf: directory.authorityFile).count == 2)
                // Who joins meanwhile knows the previous one from the join string, and is told of the new one.
                let late = try await federation.join("late")
                #expect(try NodeCertificate.bundle(contentsOf: late.authorityFile).count == 2)
                _ = try federation.state.maintainKeys(now: .now)
                try await server.reloadKeys()
                await daemon.kill()
                return directory
            }
            try await federation.withServer { _ in
                let daemon = try Daemon(directory, trainer: ConstantTrainer(element: 0))
                _ = try await daemon.first { if case .welcomed(let name) = $0 { name } else { nil } }
                await daemon.kill()
            }
        }
    }

    @Test("an order that breaks the silo's policy is refused, and the server's steward can read which rule")
    func objects() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let directory = try await federation.join("silo")
                let policy = SiloPolicy(strategies: ["nothing-of-the-kind"])
                let daemon = try Daemon(directory, policy: policy, trainer: ConstantTrainer(element: 0))
                let job = try await server.submit(rounds: 1, clients: 1, minimum: 1)
                let reason = try await daemon.first { if case .refused(_, let reason) = $0 { reason } else { nil } }
                #expect(reason.contains("strategy"))
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .failed)
                let refusals = try await federation.state.openStore().audit.entries().filter {
                    $0.action == .orderRefused
                }
                #expect(
                    refusals.contains {
                        $0.subject == "silo" && $0.detail.contains(reason) && $0.detail.contains("\(job)")
                    }
                )
                await daemon.kill()
            }
        }
    }

    @Test("of many that show one join string at the same time, over TLS, one gets a certificate")
    func races() async throws {
        // 1,000 at once is for `TRIBUTARY_RACERS=1000`: every racer makes a key and a handshake.
        let racers = ProcessInfo.processInfo.environment["TRIBUTARY_RACERS"].flatMap { Int($0) } ?? 50
        try await Federation.with { federation in
            try await federation.withServer { server in
                let invitation = try await federation.state.invite("silo", validFor: 600, now: .now)
                let winners = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<racers {
                        group.addTask {
                            while true {
                                do {
                                    _ = try await EnrolmentDialer.join(invitation, key: NodeKey(), logger: .silent)
                                    return true
                                } catch is EnrolmentError {
                                    return false
                                } catch {
                                    // The listener takes so many strangers at a time.
                                    await Task.yield()
                                }
                            }
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(winners == 1)
                #expect(try await server.clients().map(\.name) == ["silo"])
                let enrolled = try await federation.state.openStore().audit.entries().count {
                    $0.action == .clientEnrolled
                }
                #expect(enrolled == 1)
            }
        }
    }
}
