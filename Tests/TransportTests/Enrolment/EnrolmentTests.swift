import Foundation
import HostilePeers
import NIOCore
import NIOSSL
import Synchronization
import Testing
import WireProtocol

@testable import Transport

@Suite("Enrolment", .timeLimit(.minutes(1)))
struct EnrolmentTests {
    /// A server that knows one secret and takes it once.
    private final class Invitations: Sendable {
        private let secret: [UInt8]
        private let authority: CertificateAuthority
        private let used = Mutex(false)

        init(secret: [UInt8], authority: CertificateAuthority) {
            self.secret = secret
            self.authority = authority
        }

        @Sendable
        func enrol(_ attempt: EnrolmentAttempt) async -> EnrolmentAnswer {
            let isFirst = used.withLock { used in
                defer { if attempt.secret == secret { used = true } }
                return attempt.secret == secret && !used
            }
            guard isFirst else { return .rejected(reason: "The secret is not good.") }
            do {
                let certificate = try authority.issueClient(name: "berlin", publicKey: attempt.publicKey, now: .now)
                return .accepted(certificate: certificate, name: "berlin", host: "localhost", port: 7300)
            } catch {
                return .rejected(reason: "\(error)")
            }
        }
    }

    private func joinString(
        _ federation: TestFederation,
        _ port: Int,
        secret: [UInt8],
        host: String = "127.0.0.1",
        expiry: Date = .now.addingTimeInterval(600)
    ) throws -> JoinString {
        try JoinString(
            host: host,
            port: port,
            authorityFingerprint: federation.authority.fingerprint,
            secret: secret,
            expiry: expiry
        )
    }

    @Test("gives a client what it needs to connect, and its key never leaves it")
    func joins() async throws {
        let federation = try TestFederation()
        let secret = JoinString.newSecret()
        let invitations = Invitations(secret: secret, authority: federation.authority)
        let key = NodeKey()
        let enrolment = try await federation.withEnrolmentListener(enrol: invitations.enrol) { port in
            let join = try JoinString(parsing: joinString(federation, port, secret: secret).text)
            return try await EnrolmentDialer.join(join, key: key, logger: federation.logger)
        }
        #expect(enrolment.name == "berlin")
        #expect(enrolment.host == "localhost")
        #expect(enrolment.port == 7300)
        #expect(enrolment.authority.fingerprint == federation.authority.fingerprint)
        // And with that it gets in.
        let client = try ClientCredentials(
            certificate: enrolment.certificate,
            key: key,
            authority: enrolment.authority
        )
        try await federation.withListener(handle: echo) { port in
            try await federation.dial(port, as: client) { connection in
                try await connection.send(.ping(1))
                var frames = connection.inbound.makeAsyncIterator()
                #expect(try await frames.next() == .pong(1))
            }
        }
    }

    @Test("gives one certificate however many use the secret at the same time")
    func race() async throws {
        let federation = try TestFederation()
        let secret = JoinString.newSecret()
        let invitations = Invitations(secret: secret, authority: federation.authority)
        let results = try await federation.withEnrolmentListener(enrol: invitations.enrol) { port in
            let join = try joinString(federation, port, secret: secret)
            return await withTaskGroup(of: Result<Enrolment, any Error>.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            return .success(
                                try await EnrolmentDialer.join(join, key: NodeKey(), logger: federation.logger)
                            )
                        } catch {
                            return .failure(error)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        var accepted = 0
        for result in results {
            switch result {
            case .success: accepted += 1
            case .failure(let error):
                #expect(error as? EnrolmentError == .rejected(reason: "The secret is not good."))
            }
        }
        #expect(accepted == 1)
    }

    @Test("is not tried with a server whose authority is another than the join string's")
    func otherAuthority() async throws {
        let impostor = try TestFederation()
        let federation = try TestFederation()
        let asked = Recorder<[UInt8]>()
        let error = try await impostor.withEnrolmentListener { attempt in
            asked.record(attempt.secret)
            return .rejected(reason: "")
        } _: { port in
            let join = try joinString(federation, port, secret: JoinString.newSecret())
            return await #expect(throws: TransportError.self) {
                try await EnrolmentDialer.join(join, key: NodeKey(), logger: federation.logger)
            }
        }
        #expect(error?.kind == .identity)
        // The secret was never shown.
        #expect(asked.values.isEmpty)
    }

    @Test("is not tried with a server that is named otherwise")
    func otherName() async throws {
        let federation = try TestFederation(hosts: ["fed.example.org"])
        let asked = Recorder<[UInt8]>()
        let error = try await federation.withEnrolmentListener { attempt in
            asked.record(attempt.secret)
            return .rejected(reason: "")
        } _: { port in
            let join = try joinString(federation, port, secret: JoinString.newSecret())
            return await #expect(throws: TransportError.self) {
                try await EnrolmentDialer.join(join, key: NodeKey(), logger: federation.logger)
            }
        }
        #expect(error?.kind == .identity)
        #expect(asked.values.isEmpty)
    }

    @Test("is not tried with a join string that has expired")
    func expired() async throws {
        let federation = try TestFederation()
        let join = try joinString(federation, 1, secret: JoinString.newSecret(), expiry: .now.addingTimeInterval(-2))
        await #expect(throws: JoinStringError.expired(join.expiry)) {
            try await EnrolmentDialer.join(join, key: NodeKey(), logger: federation.logger)
        }
    }

    @Test("believes only a chain that ends at the pinned authority")
    func pinned() async throws {
        let federation = try TestFederation()
        let other = try TestFederation()
        let pin = PinnedAuthority(fingerprint: federation.authority.fingerprint)
        let leaf = federation.server.certificate
        let authority = federation.authority.certificate
        #expect(await pin.accepts([leaf, authority]))
        #expect(await !pin.accepts([]))
        #expect(await !pin.accepts([leaf]))
        #expect(await !pin.accepts([authority]))
        #expect(await !pin.accepts([authority, authority]))
        #expect(await !pin.accepts([other.server.certificate, authority]))
        #expect(await !pin.accepts([leaf, other.authority.certificate]))
        // A leaf is not an authority, even when its fingerprint is the pinned one.
        let pinnedLeaf = PinnedAuthority(fingerprint: leaf.fingerprint)
        #expect(await !pinnedLeaf.accepts([leaf, leaf]))
        #expect(await !pinnedLeaf.accepts([other.server.certificate, leaf]))
    }

    @Test("answers a request without proof of possession with a refusal, and asks nobody")
    func noProof() async throws {
        let federation = try TestFederation()
        let asked = Recorder<[UInt8]>()
        var request = Tributary_V1_EnrolmentRequest()
        request.secret = Data(JoinString.newSecret())
        var der = try NodeKey().certificateRequest()
        der[der.count - 1] ^= 1
        request.certificateRequest = Data(der)
        let bytes = try Frame.message(.enrolmentRequest(request)).serialized(limits: .enrolment)
            .flatMap { Array($0.readableBytesView) }
        let outcome = try await federation.withEnrolmentListener { attempt in
            asked.record(attempt.secret)
            return .rejected(reason: "")
        } _: { port in
            try await RawTLSPeer().talk(to: port, sending: bytes)
        }
        guard case .control(let control) = try outcome.frames().first,
            case .enrolmentResponse(let response) = control.message
        else {
            Issue.record("EnrolmentResponse was due")
            return
        }
        #expect(!response.accepted)
        #expect(!response.reason.isEmpty)
        #expect(response.certificate.isEmpty && response.authority.isEmpty && response.client.isEmpty)
        #expect(asked.values.isEmpty)
    }

    @Test("closes on a stranger that sends anything else, without a word")
    func anythingElse() async throws {
        let federation = try TestFederation()
        let attacks: [[UInt8]] = [
            [0x7f, 0xff, 0xff, 0xff],  // 2 GiB
            [0, 0, 0x40, 0x02, 1],  // one byte above the limit of 16 KiB
            [0, 0, 0, 0],
            [0, 0, 0, 42, 2],  // a chunk
            [0, 0, 0, 3, 1, 0x82, 0x02],
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            try Frame.hello.serialized(limits: .federation).flatMap { Array($0.readableBytesView) },
        ]
        try await federation.withEnrolmentListener { _ in
            .rejected(reason: "never asked")
        } _: { port in
            for attack in attacks {
                let outcome = try await RawTLSPeer().talk(to: port, sending: attack)
                #expect(outcome.received.readableBytes == 0)
            }
        }
    }
}
