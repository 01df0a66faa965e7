import ClientDaemon
import Coordinator
import FederationHarness
import Foundation
import HostilePeers
import Logging
import NIOCore
import SwiftProtobuf
import Transport
import WireProtocol

/// What strangers may try at the door for invited clients, and what clients may try who are no longer wanted.
enum IdentityAttacks {
    static let all: [Attack] = requests + secrets + revocations

    // MARK: - Requests that are none

    private static func request(
        _ name: String,
        _ threat: Threat = .enrolment,
        _ change: @Sendable @escaping (inout Tributary_V1_EnrolmentRequest) throws -> Void
    ) -> Attack {
        Attack(
            "identity/\(name)",
            threat,
            .does { field in
                let invitation = try await field.invite("newcomer")
                var request = Tributary_V1_EnrolmentRequest()
                request.secret = Data(invitation.secret)
                request.certificateRequest = Data(try NodeKey().certificateRequest())
                try change(&request)
                let outcome = try await RawTLSPeer().talk(
                    to: field.port(of: .enrolment),
                    sending: Wire.message(.enrolmentRequest(request))
                )
                try expectNoCertificate(outcome.received)
            },
            .asTheDeedSays
        )
    }

    private static func expectNoCertificate(_ received: ByteBuffer) throws {
        for case .enrolmentResponse(let response) in Observation(received: received).messages
        where response.accepted || !response.certificate.isEmpty {
            throw AttackFailure("A certificate was issued.")
        }
    }

    /// Bytes at the enrolment listener that are no request: closed without an answer.
    private static func bytes(_ name: String, _ threat: Threat, _ bytes: [UInt8]) -> Attack {
        Attack("identity/\(name)", threat, .sends(.stranger, to: .enrolment, bytes), .noByte)
    }

    private static let requests: [Attack] = [
        request("shows-no-secret") { $0.secret = Data() },
        request("shows-a-secret-of-15-bytes") { $0.secret = $0.secret.prefix(15) },
        request("shows-a-secret-of-65-bytes") { $0.secret = Data(repeating: 1, count: 65) },
        request("shows-a-secret-that-is-wrong-in-a-bit") { $0.secret[0] ^= 1 },
        request("shows-a-secret-that-is-too-short-by-a-byte") { $0.secret.removeLast() },
        request("shows-the-hash-of-the-secret") { $0.secret = Data(PayloadDigest(hashing: $0.secret).bytes) },
        request("guesses") { $0.secret = Data(Wire.noise(32, seed: 14)) },
        request("requests-nothing") { $0.certificateRequest = Data() },
        request("requests-with-noise") { $0.certificateRequest = Data(Wire.noise(500, seed: 15)) },
        request("requests-with-an-endless-der") { $0.certificateRequest = Data([0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) },
        request("requests-with-nested-der") {
            $0.certificateRequest = Data((0..<2000).flatMap { _ in [UInt8]([0x30, 0x80]) })
        },
        request("requests-with-a-der-of-lies") { $0.certificateRequest[1] = 0x7F },
        request("requests-for-a-key-that-it-does-not-have") {
            $0.certificateRequest[$0.certificateRequest.count - 1] ^= 1
        },
        request("requests-with-a-trailing-byte") { $0.certificateRequest.append(0) },
        request("requests-with-half-a-request") { $0.certificateRequest = $0.certificateRequest.prefix(100) },
        bytes("claims-2-gib-at-enrolment", .frameLength, Wire.length(1 << 31)),
        bytes("claims-17-kib-at-enrolment", .frameLength, Wire.length(17 << 10) + [1]),
        bytes("sends-a-chunk-at-enrolment", .enrolment, Wire.bytes(Said.chunk)),
        bytes(
            "sends-a-response-at-enrolment",
            .enrolment,
            Wire.message(.enrolmentResponse(.with { $0.accepted = true }))
        ),
        bytes("pings-at-enrolment", .enrolment, Wire.ping(1)),
        bytes("sends-noise-at-enrolment", .enrolment, [0x91] + Wire.noise(4096, seed: 16)),
    ]

    // MARK: - Secrets

    private static func act(
        _ name: String,
        _ threat: Threat = .enrolment,
        takesLong: Bool = false,
        _ body: @Sendable @escaping (AttackField) async throws -> Void
    ) -> Attack {
        Attack("identity/\(name)", threat, .does(body), .asTheDeedSays, takesLong: takesLong)
    }

    private static let secrets: [Attack] = [
        act("uses-a-secret-twice") { field in
            let invitation = try await field.invite("twice")
            _ = try await EnrolmentDialer.join(invitation, key: NodeKey(), logger: .silent)
            try await expectRejection(of: invitation)
        },
        act("uses-a-secret-after-its-time") { field in
            let invitation = try await field.invite("late", validFor: 0)
            // The client would not even ask; an attacker's does.
            try await expectRejection(of: invitation, now: .distantPast)
        },
        act("races-fifty-uses-of-a-secret") { field in try await race(50, in: field) },
        act("races-a-thousand-uses-of-a-secret", takesLong: true) { field in try await race(1000, in: field) },
        act("chooses-its-name", .certificate) { field in
            // What the request says of a subject is not looked at: the name is the one that was invited.
            let invitation = try await field.invite("invited")
            let request = try SubjectRequest.make(subject: "/CN=honest-a")
            let outcome = try await RawTLSPeer().talk(
                to: field.port(of: .enrolment),
                sending: Wire.message(
                    .enrolmentRequest(
                        .with {
                            $0.secret = Data(invitation.secret)
                            $0.certificateRequest = request
                        }
                    )
                )
            )
            guard case .enrolmentResponse(let response) = Observation(received: outcome.received).messages.first,
                response.accepted, response.client == "invited"
            else { throw AttackFailure("A certificate for 'invited' was due.") }
        },
        act("asks-for-an-rsa-key") { field in
            let invitation = try await field.invite("rsa")
            let request = try SubjectRequest.make(subject: "/CN=rsa", key: ["rsa:2048"])
            let outcome = try await RawTLSPeer().talk(
                to: field.port(of: .enrolment),
                sending: Wire.message(
                    .enrolmentRequest(
                        .with {
                            $0.secret = Data(invitation.secret)
                            $0.certificateRequest = request
                        }
                    )
                )
            )
            try expectNoCertificate(outcome.received)
        },
        act("asks-twice-on-a-connection") { field in
            let first = try await field.invite("first")
            let second = try await field.invite("second")
            let bytes = try [first, second].flatMap { invitation in
                Wire.message(
                    .enrolmentRequest(
                        try .with {
                            $0.secret = Data(invitation.secret)
                            $0.certificateRequest = Data(try NodeKey().certificateRequest())
                        }
                    )
                )
            }
            let outcome = try await RawTLSPeer().talk(to: field.port(of: .enrolment), sending: bytes)
            guard Observation(received: outcome.received).messages.count <= 1 else {
                throw AttackFailure("Two answers came.")
            }
            _ = try await EnrolmentDialer.join(second, key: NodeKey(), logger: .silent)
        },
    ]

    private static func expectRejection(of invitation: JoinString, now: Date = .now) async throws {
        do {
            _ = try await EnrolmentDialer.join(invitation, key: NodeKey(), now: now, logger: .silent)
        } catch is EnrolmentError {
            return
        }
        throw AttackFailure("A certificate was issued.")
    }

    /// Uses one secret many times at once: one use gets a certificate.
    private static func race(_ count: Int, in field: AttackField) async throws {
        let invitation = try await field.invite("racer")
        let certificates = await withTaskGroup(of: Bool.self) { group in
            var issued = 0
            for index in 0..<count {
                // As many at a time as the listener has places: those who are turned away race for nothing.
                if index >= 100, await group.next() == true { issued += 1 }
                group.addTask {
                    (try? await EnrolmentDialer.join(invitation, key: NodeKey(), logger: .silent)) != nil
                }
            }
            for await isIssued in group where isIssued { issued += 1 }
            return issued
        }
        guard certificates <= 1 else { throw AttackFailure("\(certificates) certificates were issued.") }
        guard try await field.store.clients.clients().contains(where: { $0.name == "racer" }) else {
            throw AttackFailure("No certificate was issued.")
        }
    }

    // MARK: - Revocation

    private static let revocations: [Attack] = [
        act("stays-after-its-revocation", .revocation) { field in
            let client = try HostileClient(directory: try await field.federation.join("leaver"))
            let code = try await client.withConnection { _, frames in
                try await field.admin.revoke("leaver")
                return try await HostileClient.goodbye(in: &frames)
            }
            guard code == .revoked else {
                throw AttackFailure("CODE_REVOKED was due, not \(String(describing: code)).")
            }
        },
        act("comes-back-after-its-revocation", .revocation) { field in
            let directory = try await field.federation.join("returner")
            try await field.admin.revoke("returner")
            try await expectNoWelcome(directory, in: field)
        },
        act("uses-an-invitation-after-its-revocation", .revocation) { field in
            _ = try await field.federation.join("twice-invited")
            let invitation = try await field.invite("twice-invited")
            try await field.admin.revoke("twice-invited")
            try await expectRejection(of: invitation)
        },
        act("uses-an-old-certificate-after-a-new-enrolment", .revocation) { field in
            let old = try await field.federation.join("renewed")
            let invitation = try await field.invite("renewed")
            _ = try await EnrolmentDialer.join(invitation, key: NodeKey(), logger: .silent)
            try await expectNoWelcome(old, in: field)
        },
    ]

    private static func expectNoWelcome(_ directory: ClientDaemon.ClientDirectory, in field: AttackField) async throws {
        let peer = RawTLSPeer(
            certificate: try NodeCertificate(contentsOf: directory.certificateFile),
            key: try NodeKey(contentsOf: directory.privateKeyFile)
        )
        let outcome = try await peer.talk(to: field.port(of: .federation), sending: Wire.bytes(.hello))
        let observation = Observation(received: outcome.received)
        guard observation.goodbye?.code == .revoked, observation.messages.count == 1 else {
            throw AttackFailure("Nothing but a Goodbye was due, not \(observation.messages).")
        }
    }
}
