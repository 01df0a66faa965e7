import FederationHarness
import Foundation
import NIOCore
import SwiftProtobuf
import WireProtocol

/// What an enrolled client may say out of turn, with fields that no message has, or about what is not its own.
enum ConversationAttacks {
    static let all: [Attack] = beforeHello + hellos + afterWelcome + fields + strangersWork

    // MARK: - Out of turn

    private static func early(_ name: String, _ message: Tributary_V1_Control.OneOf_Message) -> Attack {
        Attack(
            "conversation/says-\(name)-before-hello",
            .conversation,
            .sends(.member, Wire.message(message)),
            .goodbye(.protocolError, "Hello is awaited")
        )
    }

    private static let beforeHello: [Attack] =
        Said.byClients.map { early($0.name, $0.message) } + Said.byServers.map { early($0.name, $0.message) }
        + Said.atEnrolment.map { early($0.name, $0.message) }
        + [
            Attack(
                "conversation/says-goodbye-before-hello",
                .conversation,
                .sends(.member, Wire.message(.goodbye(Tributary_V1_Goodbye()))),
                .closed
            )
        ]

    private static func late(
        _ name: String,
        _ bytes: [UInt8],
        _ reason: String,
        _ threat: Threat = .conversation
    ) -> Attack {
        Attack("conversation/\(name)", threat, .says(bytes), .goodbye(.protocolError, reason))
    }

    private static let afterWelcome: [Attack] =
        (Said.byServers + Said.atEnrolment).map { said in
            late("says-\(said.name)-after-welcome", Wire.message(said.message), "established")
        }
        + [
            late("says-hello-twice", Wire.bytes(.hello), "established"),
            late("answers-a-ping-that-never-was", Wire.message(.pong(Tributary_V1_Pong())), "answers nothing"),
            late("answers-an-order-that-never-was", Wire.message(Said.orderReply), "answers nothing"),
            late(
                "refuses-an-order-that-never-was",
                Wire.bytes(.refusal(of: Said.order(.train))),
                "answers nothing"
            ),
            late("sends-a-chunk-that-nobody-wants", Wire.bytes(Said.chunk), "no payloads", .transfer),
            Attack(
                "conversation/talks-on-after-goodbye",
                .conversation,
                .says(Wire.message(.goodbye(Tributary_V1_Goodbye())) + Wire.ping(1)),
                .closed
            ),
        ]

    // MARK: - Hellos

    private static func hello(
        _ name: String,
        _ code: Tributary_V1_Goodbye.Code,
        _ reason: String,
        _ change: (inout Tributary_V1_Hello) -> Void
    ) -> Attack {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = ProtocolVersion.current
        hello.maximumRank = 8
        change(&hello)
        return Attack(
            "conversation/\(name)",
            .messageForm,
            .sends(.member, Wire.message(.hello(hello))),
            .goodbye(code, reason)
        )
    }

    private static func tags(_ count: Int, name: Int = 8, value: Int = 8) -> [String: String] {
        let text = { (index: Int, length: Int) in
            String(repeating: "x", count: max(0, length - 4)) + String(format: "%04d", index)
        }
        return Dictionary(uniqueKeysWithValues: (0..<count).map { (text($0, name), text($0, value)) })
    }

    private static let hellos: [Attack] = [
        hello("hello-of-version-0", .versionUnsupported, "version 0") { $0.protocolVersion = 0 },
        hello("hello-of-version-2", .versionUnsupported, "version 2") { $0.protocolVersion = 2 },
        hello("hello-of-the-last-version", .versionUnsupported, "4294967295") { $0.protocolVersion = .max },
        hello("hello-of-rank-0", .protocolError, "maximum_rank") { $0.maximumRank = 0 },
        hello("hello-of-rank-4-billion", .protocolError, "maximum_rank") { $0.maximumRank = .max },
        hello("hello-with-a-long-software", .protocolError, "software") {
            $0.software = String(repeating: "x", count: 257)
        },
        hello("hello-with-65-tags", .protocolError, "tags") { $0.tags = tags(65) },
        hello("hello-with-a-long-tag", .protocolError, "tags") { $0.tags = tags(1, name: 65) },
        hello("hello-with-a-long-value", .protocolError, "tags") { $0.tags = tags(1, value: 257) },
        hello("hello-with-a-tag-without-a-name", .protocolError, "tags") { $0.tags = ["": "x"] },
        hello("hello-of-31-kib", .protocolError, "tags") { $0.tags = tags(120, name: 60, value: 190) },
        hello("hello-of-33-kib", .protocolError, "claims") { $0.tags = tags(128, name: 60, value: 190) },
        hello("hello-of-200-kib", .protocolError, "claims") { $0.software = String(repeating: "x", count: 200_000) },
    ]

    // MARK: - Fields

    private static func offer(
        _ name: String,
        _ reason: String,
        code: Tributary_V1_Goodbye.Code = .protocolError,
        _ change: (inout Tributary_V1_UpdateOffer) -> Void
    ) -> Attack {
        var offer = Said.updateOffer
        change(&offer)
        return Attack(
            "conversation/offer-\(name)",
            .messageForm,
            .says(Wire.message(.updateOffer(offer))),
            .goodbye(code, reason)
        )
    }

    private static func reply(
        _ name: String,
        _ reason: String,
        _ change: (inout Tributary_V1_OrderReply) -> Void
    ) -> Attack {
        var reply = Tributary_V1_OrderReply()
        reply.id = Said.order(.train)
        change(&reply)
        return late("reply-\(name)", Wire.message(.orderReply(reply)), reason, .messageForm)
    }

    private static func fetch(_ name: String, _ digest: [UInt8]) -> Attack {
        var fetch = Tributary_V1_Fetch()
        fetch.sha256 = Data(digest)
        return late("fetch-\(name)", Wire.message(.fetch(fetch)), "SHA-256", .messageForm)
    }

    private static let fields: [Attack] = [
        reply("without-an-order", "is missing") { $0.clearID() },
        reply("without-a-job", "is empty") { $0.id.job = "" },
        reply("with-a-long-job", "id.job") { $0.id.job = String(repeating: "x", count: 65) },
        reply("of-round-2-billion", "id.round") { $0.id.round = 1 << 31 },
        reply("of-round-4-billion", "id.round") { $0.id.round = .max },
        reply("of-no-kind", "id.kind") { $0.id.kind = .unspecified },
        reply("of-an-unknown-kind", "id.kind") { $0.id.kind = .UNRECOGNIZED(77) },
        reply("with-a-long-reason", "reason") { $0.reason = String(repeating: "x", count: 4097) },
        fetch("without-a-digest", []),
        fetch("with-31-bytes-of-digest", [UInt8](repeating: 1, count: 31)),
        fetch("with-33-bytes-of-digest", [UInt8](repeating: 1, count: 33)),
        offer("of-an-evaluation", "id.kind") { $0.id.kind = .evaluate },
        offer("without-an-adapter", "is missing") { $0.clearAdapter() },
        offer("without-a-digest", "sha256") { $0.adapter.sha256 = Data() },
        offer("without-bytes", "byte_count") { $0.adapter.byteCount = 0 },
        offer("of-all-the-bytes-there-are", "exceeds the limit", code: .tooLarge) { $0.adapter.byteCount = .max },
        offer("of-2-to-the-63-bytes", "exceeds the limit", code: .tooLarge) { $0.adapter.byteCount = 1 << 63 },
        offer("of-rank-0", "rank") { $0.adapter.rank = 0 },
        offer("of-rank-4-billion", "rank") { $0.adapter.rank = .max },
        offer("of-alpha-0", "alpha") { $0.adapter.alpha = 0 },
        offer("of-alpha-minus-1", "alpha") { $0.adapter.alpha = -1 },
        offer("of-alpha-nan", "alpha") { $0.adapter.alpha = .nan },
        offer("of-alpha-infinity", "alpha") { $0.adapter.alpha = .infinity },
        offer("of-no-examples", "example_count") { $0.exampleCount = 0 },
        offer("with-65-metrics", "metrics") { offer in
            offer.metrics = Dictionary(uniqueKeysWithValues: (0..<65).map { ("m\($0)", 1) })
        },
        offer("with-a-metric-without-a-name", "metrics") { $0.metrics = ["": 1] },
        offer("with-a-long-metric", "metrics") { $0.metrics = [String(repeating: "x", count: 65): 1] },
        late(
            "evaluates-a-training",
            Wire.message(.evaluationResult(Said.evaluationResult(.train))),
            "out of range",
            .messageForm
        ),
        Attack(
            "conversation/goodbye-with-a-long-reason",
            .messageForm,
            .says(Wire.message(.goodbye(.with { $0.reason = String(repeating: "x", count: 5000) }))),
            .goodbye(.protocolError, "reason")
        ),
    ]

    // MARK: - Other jobs, rounds and payloads

    private static func harmless(_ name: String, _ bytes: [UInt8]) -> Attack {
        Attack("conversation/\(name)", .replay, .says(bytes), .goesOn)
    }

    private static func offer(ofJob job: String, round: UInt32 = 1) -> [UInt8] {
        var offer = Said.updateOffer
        offer.id.job = job
        offer.id.round = round
        return Wire.message(.updateOffer(offer))
    }

    private static let strangersWork: [Attack] = [
        harmless("offers-for-a-job-that-never-was", offer(ofJob: UUID().uuidString.lowercased())),
        harmless("offers-for-a-job-called-sql", offer(ofJob: "' OR 1=1; DROP TABLE job; --")),
        harmless("offers-for-a-job-called-a-path", offer(ofJob: "../../../../etc/passwd")),
        harmless("offers-for-a-job-with-a-nul", offer(ofJob: "job\u{0}x")),
        harmless("offers-for-round-2-billion-less-1", offer(ofJob: "x", round: .init(Int32.max))),
        harmless("offers-the-same-ten-times", Array((0..<10).map { _ in offer(ofJob: "x") }.joined())),
        harmless("evaluates-a-job-that-never-was", Wire.message(.evaluationResult(Said.evaluationResult(.evaluate)))),
        harmless("is-at-work-on-what-never-was", Wire.message(Said.progress)),
        harmless("fetches-what-never-was", Wire.message(Said.fetch(of: PayloadDigest(hashing: [1])))),
        harmless("pings-with-every-bit", Wire.ping(.max)),
        harmless(
            "evaluates-with-nan-and-infinity",
            Wire.message(
                .evaluationResult(
                    .with {
                        $0 = Said.evaluationResult(.evaluate)
                        $0.exampleCount = 1
                        $0.metrics = ["loss": .nan, "accuracy": .infinity]
                    }
                )
            )
        ),
    ]
}
