import Coordinator
import FederationHarness
import Foundation
import HostilePeers
import NIOCore
import NIOSSL
import Transport
import WireProtocol

/// What strangers may try before anybody knows them.
enum HandshakeAttacks {
    static let all: [Attack] = withoutTLS + withoutRight + withOpenSSL + slow

    // MARK: - No TLS

    /// At most an alert comes back: a record of type 21, two bytes of version, length 2, and two bytes.
    private static func plain(_ name: String, to door: Door = .federation, _ bytes: [UInt8]) -> Attack {
        Attack(
            "handshake/\(name)",
            .stranger,
            .does { field in
                let answer = try await RawTCPPeer.talk(to: field.port(of: door), sending: bytes)
                let isAlert = answer.readableBytes <= 7 && answer.getInteger(at: 0, as: UInt8.self) == 21
                guard answer.readableBytes == 0 || isAlert else {
                    throw AttackFailure("\(answer.readableBytes) bytes came, and no alert.")
                }
            },
            .asTheDeedSays
        )
    }

    /// A TLS record with a body.
    private static func record(type: UInt8 = 22, claiming length: UInt16? = nil, _ body: [UInt8]) -> [UInt8] {
        let length = length ?? UInt16(body.count)
        return [type, 3, 1, UInt8(length >> 8), UInt8(length & 0xFF)] + body
    }

    private static let withoutTLS: [Attack] = [
        plain("says-hello-without-tls", Wire.bytes(.hello)),
        plain("claims-2-gib-without-tls", Wire.length(1 << 31) + [UInt8](repeating: 0, count: 64)),
        plain("speaks-http-to-tls", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
        plain("speaks-http-to-enrolment", to: .enrolment, Array("POST /v1/jobs HTTP/1.1\r\n\r\n".utf8)),
        plain("sends-a-record-longer-than-tls-has", record(claiming: .max, [UInt8](repeating: 1, count: 70_000))),
        plain("sends-a-record-of-unknown-type", record(type: 99, [0, 0, 0, 0])),
        plain("sends-application-data-first", record(type: 23, Wire.bytes(.hello))),
        plain("sends-an-alert-first", record(type: 21, [2, 40])),
        plain("sends-a-hello-of-16-mib", record([1, 0xFF, 0xFF, 0xFF, 3, 3]) + record(type: 99, [])),
        plain("sends-a-hello-of-noise", record([1, 0, 4, 0] + Wire.noise(1024, seed: 3))),
        plain("sends-a-server-hello", record([2, 0, 0, 38] + Wire.noise(38, seed: 4))),
        plain("sends-noise", [0x16] + Wire.noise(32_768, seed: 5)),
        plain("sends-ssl-2", [0x80, 0x2E, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10] + Wire.noise(37, seed: 6)),
    ]

    // MARK: - TLS without the right to it

    private static func refused(_ name: String, _ threat: Threat, _ peer: Peer) -> Attack {
        Attack("handshake/\(name)", threat, .sends(peer, Wire.bytes(.hello)), .noByte)
    }

    private static let withoutRight: [Attack] = [
        refused("shows-no-certificate", .stranger, .stranger),
        refused(
            "shows-a-certificate-of-another-authority",
            .certificate,
            .showing { _, key in
                try CertificateAuthority.create(name: "elsewhere", now: .now)
                    .issueClient(name: AttackField.intruderName, publicKey: key, now: .now)
            }
        ),
        refused(
            "shows-a-certificate-of-an-authority-of-the-same-name",
            .certificate,
            .showing { _, key in
                try CertificateAuthority.create(name: "Tributary 127.0.0.1", now: .now)
                    .issueClient(name: AttackField.intruderName, publicKey: key, now: .now)
            }
        ),
        refused(
            "shows-a-certificate-that-has-expired",
            .certificate,
            .showing { field, key in
                try field.federation.state.authority().issueClient(
                    name: AttackField.intruderName,
                    publicKey: key,
                    now: .now.addingTimeInterval(-86_400),
                    validFor: .seconds(60)
                )
            }
        ),
        refused(
            "shows-a-certificate-of-tomorrow",
            .certificate,
            .showing { field, key in
                try field.federation.state.authority().issueClient(
                    name: AttackField.intruderName,
                    publicKey: key,
                    now: .now.addingTimeInterval(86_400)
                )
            }
        ),
        refused(
            "shows-a-server-s-certificate",
            .certificate,
            .showing { field, key in
                try field.federation.state.authority().issueServer(hosts: ["127.0.0.1"], publicKey: key, now: .now)
            }
        ),
        Attack(
            "handshake/shows-a-certificate-that-is-not-in-the-records",
            .certificate,
            .sends(
                .showing { field, key in
                    try field.federation.state.authority().issueClient(
                        name: AttackField.honest[0],
                        publicKey: key,
                        now: .now
                    )
                },
                Wire.bytes(.hello)
            ),
            .goodbye(.revoked, "records")
        ),
        refused("speaks-tls-1-2", .certificate, .member(speaking: .tlsv12)),
        refused("speaks-tls-1-1", .certificate, .member(speaking: .tlsv11)),
        refused("speaks-tls-1-0", .certificate, .member(speaking: .tlsv1)),
        Attack("handshake/leaves-after-the-handshake", .stranger, .leaves(.member, after: []), .closed),
        Attack(
            "handshake/is-a-member-at-the-wrong-door",
            .stranger,
            .sends(.member, to: .enrolment, Wire.bytes(.hello)),
            .noByte
        ),
        Attack(
            "handshake/speaks-tls-to-the-admin-api",
            .adminAccess,
            .sends(.plain, to: .admin, record([1, 0, 4, 0] + Wire.noise(1024, seed: 7))),
            .status([400, 0])
        ),
    ]

    // MARK: - OpenSSL, which shares no line with us

    /// Certificates of the right authority that no server of ours issues.
    private static func forged(_ name: String, _ extensions: [String], subject: String = "/CN=intruder") -> Attack {
        Attack(
            "handshake/\(name)",
            .certificate,
            .does { field in
                let answer = try ForgedCertificate.connect(to: field, subject: subject, extensions: extensions)
                guard answer.output.isEmpty else { throw AttackFailure("\(answer.output.count) bytes came.") }
            },
            .asTheDeedSays
        )
    }

    private static let usage = "extendedKeyUsage=clientAuth"
    private static let role = "subjectAltName=URI:tributary:client:intruder"

    private static let withOpenSSL: [Attack] = [
        forged("forges-no-role", [usage]),
        forged("forges-two-roles", [usage, role + ",URI:tributary:server"]),
        forged("forges-two-names", [usage, role + ",URI:tributary:client:honest-a"]),
        forged("forges-the-name-in-the-subject-alone", [usage], subject: "/CN=honest-a"),
        forged("forges-a-path-as-a-name", [usage, "subjectAltName=URI:tributary:client:../../etc/passwd"]),
        forged("forges-an-empty-name", [usage, "subjectAltName=URI:tributary:client:"]),
        forged("forges-a-name-in-capitals", [usage, "subjectAltName=URI:tributary:client:HONEST-A"]),
        forged("forges-a-usage-of-servers", ["extendedKeyUsage=serverAuth", role]),
        forged("forges-no-usage", [role]),
    ]

    // MARK: - Those who wait

    private static let slow: [Attack] = [
        Attack("handshake/says-nothing", .slowness, .sends(.plain, []), .noByte, takesLong: true),
        Attack(
            "handshake/says-half-a-hello",
            .slowness,
            .sends(.plain, record(claiming: 512, [1, 0])),
            .noByte,
            takesLong: true
        ),
        Attack(
            "handshake/says-nothing-at-enrolment",
            .slowness,
            .sends(.plain, to: .enrolment, []),
            .noByte,
            takesLong: true
        ),
        Attack(
            "handshake/is-welcome-to-enrol-and-says-nothing",
            .slowness,
            .sends(.stranger, to: .enrolment, []),
            .noByte,
            takesLong: true
        ),
        Attack(
            "handshake/is-in-and-says-nothing",
            .slowness,
            .sends(.member, []),
            .goodbye(.idle, "introduce"),
            takesLong: true
        ),
    ]
}
