import NIOCore
import SwiftProtobuf
import WireProtocol

/// Plays both sides of a server's conversation: each step is what a client sends, or what a server does.
///
/// ```
/// step: action u8, then its operands
/// ```
enum ConversationFuzzing {
    static func run(_ bytes: [UInt8]) {
        var input = Input(bytes: bytes[...])
        var now = ContinuousClock.now
        var conversation = ServerConversation(limits: ConversationLimits(payloadBytes: 1 << 24), openedAt: now)
        var isOver = false
        var offers: [Tributary_V1_UpdateOffer] = []
        while let action = input.byte(), !isOver {
            switch action % 16 {
            case 0: now += .milliseconds(Int64(input.byte() ?? 0) * 100)
            case 1: _ = conversation.send(.welcome(Tributary_V1_Welcome()))
            case 2: _ = conversation.send(.order(.with { $0.id = input.order() }))
            case 3: _ = conversation.send(.updateVerdict(.with { $0.id = input.order() }))
            case 4: _ = conversation.send(.evaluationReceipt(.with { $0.id = input.order() }))
            case 5: _ = conversation.send(.ping(Tributary_V1_Ping()))
            case 6: conversation.fetchEnded(input.digest())
            case 7:
                guard let offer = offers.popLast() else { continue }
                _ = try? conversation.requestUpload(of: offer, from: UInt64(input.byte() ?? 0) << 8, at: now)
            case 8:
                if (try? conversation.checkDeadline(at: now)) == nil { isOver = true }
            default:
                do {
                    let event = try conversation.received(frame(action, &input), at: now)
                    if case .updateOffer(let offer, _) = event { offers.append(offer) }
                    precondition(conversation.isEstablished || isAllowedOutside(event), "\(event) before Welcome")
                } catch {
                    isOver = true
                }
            }
            _ = (conversation.deadline, conversation.expectedFrames)
        }
    }

    /// What a client may cause when it is not in.
    private static func isAllowedOutside(_ event: ServerConversation.Event) -> Bool {
        switch event {
        case .hello, .goodbye, .ignored: true
        default: false
        }
    }

    private static func frame(_ action: UInt8, _ input: inout Input) -> Frame {
        switch action % 16 {
        case 9:
            return .message(
                .hello(
                    .with {
                        $0.protocolVersion = UInt32(input.byte() ?? 1)
                        $0.maximumRank = UInt32(input.byte() ?? 8)
                    }
                )
            )
        case 10:
            return .message(
                .orderReply(
                    .with {
                        $0.id = input.order()
                        $0.accepted = input.flag()
                    }
                )
            )
        case 11: return .message(.fetch(.with { $0.sha256 = input.digest().message }))
        case 12:
            return .message(
                .updateOffer(
                    .with {
                        $0.id = input.order()
                        $0.adapter.sha256 = input.digest().message
                        $0.adapter.byteCount = UInt64(input.byte() ?? 0) << 8
                        $0.adapter.rank = 8
                        $0.adapter.alpha = 16
                        $0.exampleCount = 1
                    }
                )
            )
        case 13:
            let digest = input.digest()
            let offset = UInt64(input.byte() ?? 0) << 8
            return .chunk(
                Chunk(
                    digest: digest,
                    offset: offset,
                    bytes: ByteBuffer(repeating: 0, count: Int(input.byte() ?? 0) << 8)
                )
            )
        case 14:
            let nonce = UInt64(input.byte() ?? 0)
            return input.flag()
                ? .message(.ping(.with { $0.nonce = nonce })) : .message(.pong(.with { $0.nonce = nonce }))
        default:
            // Anything that the protocol can say.
            let control = try? Tributary_V1_Control(serializedBytes: input.rest())
            return control.map(Frame.control) ?? .message(.goodbye(Tributary_V1_Goodbye()))
        }
    }

    /// The bytes of an input, of which there may be too few.
    private struct Input {
        var bytes: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { bytes.popFirst() }

        mutating func flag() -> Bool { (byte() ?? 0) % 2 == 1 }

        mutating func rest() -> [UInt8] {
            defer { bytes = [] }
            return Array(bytes)
        }

        /// One of four digests.
        mutating func digest() -> PayloadDigest { PayloadDigest(hashing: [(byte() ?? 0) % 4]) }

        /// One of eight orders.
        mutating func order() -> Tributary_V1_OrderID {
            let byte = byte() ?? 0
            return .with {
                $0.job = "job"
                $0.round = UInt32(byte % 4)
                $0.kind = byte & 4 == 0 ? .train : .evaluate
            }
        }
    }
}
