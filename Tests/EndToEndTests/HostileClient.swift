import Adapters
import ClientDaemon
import FederatedLearning
import Foundation
import NIOCore
import Transport
import WireProtocol

/// An enrolled client that speaks the protocol as it should and says what it should not.
struct HostileClient {
    let directory: ClientDirectory
    /// Turns the adapter that was handed out into what is offered.
    let corrupt: (LoRAAdapter) -> LoRAAdapter

    /// Takes one training order, offers the corrupted adapter, and returns the verdict.
    func offerOnce() async throws -> Tributary_V1_UpdateVerdict {
        let configuration = try ConfigurationFile.read(from: directory)
        let membership = try Membership(of: directory, configuration: configuration)
        return try await FederationDialer.withConnection(
            host: membership.server.host,
            port: membership.server.port,
            credentials: membership.credentials,
            logger: .silent
        ) { connection in
            var session = Session(connection: connection)
            return try await session.run(corrupt)
        }
    }

    private struct Session {
        let connection: FrameConnection
        var conversation = ClientConversation(limits: ConversationLimits(), openedAt: .now)
        var order: Tributary_V1_Order?
        var payload: [UInt8] = []
        var offered: [UInt8] = []

        init(connection: FrameConnection) {
            self.connection = connection
        }

        mutating func run(_ corrupt: (LoRAAdapter) -> LoRAAdapter) async throws -> Tributary_V1_UpdateVerdict {
            var hello = Tributary_V1_Hello()
            hello.protocolVersion = ProtocolVersion.current
            hello.maximumRank = 8
            try await say(.hello(hello))
            for try await frame in connection.inbound {
                switch try conversation.received(frame, at: .now) {
                case .order(let order, let digest):
                    try await take(order, digest)
                case .chunk(let chunk, let isLast):
                    payload += chunk.bytes.readableBytesView
                    if isLast { try await offer(corrupt) }
                case .uploadRequest(_, let digest):
                    let bytes = ByteBuffer(bytes: offered)
                    try await connection.send(.chunk(Chunk(digest: digest, offset: 0, bytes: bytes)))
                case .updateVerdict(let verdict):
                    return verdict
                default:
                    continue
                }
            }
            throw Federation.Failure(text: "The server closed the connection.")
        }

        private mutating func say(_ message: Tributary_V1_Control.OneOf_Message) async throws {
            try await connection.send(conversation.send(message))
        }

        private mutating func take(_ order: Tributary_V1_Order, _ digest: PayloadDigest) async throws {
            var reply = Tributary_V1_OrderReply()
            reply.id = order.id
            reply.accepted = order.id.kind == .train
            reply.reason = reply.accepted ? "" : "I do not evaluate."
            try await say(.orderReply(reply))
            guard reply.accepted else { return }
            self.order = order
            let fetch = try conversation.fetch(digest, byteCount: order.adapter.byteCount, from: 0, at: .now)
            try await connection.send(fetch)
        }

        private mutating func offer(_ corrupt: (LoRAAdapter) -> LoRAAdapter) async throws {
            guard let order else { return }
            let adapter = try AdapterPayload.adapter(
                from: payload,
                rank: Int(order.adapter.rank),
                alpha: order.adapter.alpha,
                source: "the payload"
            )
            offered = AdapterPayload.bytes(of: corrupt(adapter))
            var offer = Tributary_V1_UpdateOffer()
            offer.id = order.id
            offer.adapter = order.adapter
            offer.adapter.sha256 = PayloadDigest(hashing: offered).message
            offer.adapter.byteCount = UInt64(offered.count)
            offer.exampleCount = 1
            try await say(.updateOffer(offer))
        }
    }
}
