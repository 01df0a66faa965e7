import FederationHarness
import HostilePeers
import NIOCore
import WireProtocol

/// What an enrolled client may try on the framing, before it has said Hello.
enum FrameAttacks {
    static let all: [Attack] = lengths + forms + bodies + ends

    private static let limits = FrameLimits.quietClient
    private static let controlLimit = UInt32(limits.controlBytes)

    private static func claim(_ name: String, _ bytes: [UInt8], _ reason: String = "claims") -> Attack {
        Attack("frames/\(name)", .frameLength, .sends(.member, bytes), .goodbye(.protocolError, reason))
    }

    private static func form(_ name: String, _ bytes: [UInt8], _ reason: String) -> Attack {
        Attack("frames/\(name)", .frameForm, .sends(.member, bytes), .goodbye(.protocolError, reason))
    }

    private static let lengths: [Attack] = [
        claim("claims-2-gib", Wire.length(1 << 31)),
        claim("claims-a-byte-less-than-2-gib", Wire.length(1 << 31 - 1)),
        claim("claims-4-gib", Wire.length(.max)),
        claim("claims-4-gib-of-chunk", Wire.length(.max) + [Wire.chunk]),
        claim("claims-1-mib-of-message", Wire.length(1 << 20) + [Wire.control]),
        claim("claims-a-byte-more-than-a-message-may-have", Wire.length(controlLimit + 2) + [Wire.control]),
        claim("claims-what-only-servers-may-send", Wire.length(256 << 10) + [Wire.control]),
        claim("writes-the-length-backwards", [6, 0, 0, 0] + Wire.ping(1).dropFirst(4)),
        claim("claims-2-gib-after-a-hello", Wire.bytes(.hello) + Wire.length(1 << 31)),
        claim("claims-2-gib-a-thousand-times", Array((0..<1000).map { _ in Wire.length(1 << 31) }.joined())),
    ]

    private static let forms: [Attack] = [
        form("is-empty", Wire.length(0), "without content"),
        form("is-empty-a-thousand-times", [UInt8](repeating: 0, count: 4000), "without content"),
        form("has-a-kind-and-nothing-else", Wire.length(1) + [Wire.control], "without content"),
        form("is-of-kind-0", Wire.frame(0, [1]), "unknown kind 0"),
        form("is-of-kind-3", Wire.frame(3, [1]), "unknown kind 3"),
        form("is-of-kind-255", Wire.frame(255, [1]), "unknown kind 255"),
        form("is-a-chunk-that-nobody-wants", Wire.frame(Wire.chunk, [UInt8](repeating: 0, count: 41)), "no payloads"),
        form("is-a-chunk-of-a-byte", Wire.frame(Wire.chunk, [0]), "no payloads"),
        form("speaks-http", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), "claims"),
        form("speaks-http-2", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), "claims"),
        form("speaks-ssh", Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), "claims"),
        form("is-all-ones", [UInt8](repeating: 0xFF, count: 65_536), "claims"),
        form("is-noise", [0x91] + Wire.noise(65_536, seed: 1), "claims"),
    ]

    private static func body(_ name: String, _ bytes: [UInt8], _ reason: String) -> Attack {
        Attack(
            "frames/\(name)",
            .messageForm,
            .sends(.member, Wire.frame(Wire.control, bytes)),
            .goodbye(.protocolError, reason)
        )
    }

    private static let bodies: [Attack] = [
        body("body-is-no-protobuf", [0xFF, 0xFF], "not a message"),
        body("body-ends-in-a-number", [0x08, 0x80], "not a message"),
        body("body-has-a-number-of-11-bytes", [0x08] + [UInt8](repeating: 0x80, count: 10) + [1], "not a message"),
        body("body-claims-2-gib-inside", Wire.field(1, claiming: 1 << 31), "not a message"),
        body("body-claims-2-to-the-63-inside", Wire.field(1, claiming: 1 << 63), "not a message"),
        body("body-has-field-number-0", [0x02, 0x00], "not a message"),
        body("body-nests-ten-thousand-groups", [UInt8](repeating: 0x3B, count: 10_000), "not a message"),
        body("body-closes-a-group-that-it-never-opened", [0x3C], "not a message"),
        body("body-has-a-message-as-a-number", [0x08, 0x01], "unknown kind"),
        body("body-has-a-text-that-is-not-utf-8", [0x0A, 4, 0x12, 2, 0xC3, 0x28], "not a message"),
        body("body-has-no-message", [0xA0, 0x06, 0x01], "unknown kind"),
        body("body-has-a-message-of-tomorrow", Wire.field(15, claiming: 0), "unknown kind"),
        body(
            "body-has-two-messages",
            Array(Wire.bytes(.hello).dropFirst(5)) + Array(Wire.ping(1).dropFirst(5)),
            "Hello is awaited"
        ),
        body(
            "body-has-thirty-thousand-empty-fields",
            (0..<7500).flatMap { _ in [UInt8]([0xA0, 0x06, 0x80, 0x00]) },
            "unknown kind"
        ),
    ]

    private static let ends: [Attack] = [
        Attack("frames/ends-in-the-length", .frameForm, .leaves(.member, after: [0, 0]), .closed),
        Attack("frames/ends-after-the-length", .frameForm, .leaves(.member, after: Wire.length(100)), .closed),
        Attack("frames/ends-in-the-body", .frameForm, .leaves(.member, after: Wire.length(9) + [1, 1, 1]), .closed),
        Attack(
            "frames/comes-byte-by-byte",
            .frameForm,
            .does { field in
                // Slow, but right: it has to be understood.
                guard let peer = try Peer.member.make(field) else { return }
                let hello = Wire.bytes(.hello)
                let exchanges = hello.enumerated().map { index, byte in
                    let isLast = index == hello.count - 1
                    return RawTLSPeer.Exchange(sending: [byte]) {
                        !isLast || Observation(received: $0).messages.count == 1
                    }
                }
                let outcome = try await peer.talk(to: field.port(of: .federation), exchanges)
                guard case .welcome = Observation(received: outcome.received).messages.first else {
                    throw AttackFailure("Welcome was due.")
                }
            },
            .asTheDeedSays
        ),
    ]
}
