package import ClientDaemon
private import NIOCore
package import Transport
package import WireProtocol

/// An enrolled client that speaks the protocol as it should and says what it should not.
package struct HostileClient: Sendable {
    /// How the server ended what the client began.
    package enum Answer: Sendable {
        case verdict(Tributary_V1_UpdateVerdict)
        case goodbye(Tributary_V1_Goodbye)
        /// The connection was closed without a word.
        case closed
    }

    private let membership: Membership

    /// Becomes the client of a joined directory.
    package init(directory: ClientDirectory) throws {
        self.membership = try Membership(of: directory, configuration: ConfigurationFile.read(from: directory))
    }

    /// Connects, says Hello, and lends the connection, and what comes on it, once the server has said Welcome.
    package func withConnection<Result>(
        _ body: (FrameConnection, inout FrameSequence.Iterator) async throws -> Result
    ) async throws -> Result {
        try await FederationDialer.withConnection(
            host: membership.server.host,
            port: membership.server.port,
            credentials: membership.credentials,
            logger: .silent
        ) { connection in
            try await connection.send(.hello)
            var frames = connection.inbound.makeAsyncIterator()
            while let frame = try await frames.next(isolation: #isolation) {
                if case .control(let control) = frame, case .welcome = control.message { break }
            }
            return try await body(connection, &frames)
        }
    }

    /// Takes one training order, makes the offer, and returns what becomes of it; evaluations are refused.
    package func offerOnce(_ offering: Offering, onWelcome: () async throws -> Void = {}) async throws -> Answer {
        try await withConnection { connection, frames in
            try await onWelcome()
            var session = Session(connection: connection, offering: offering)
            return try await session.run(&frames)
        }
    }

    /// Connects and refuses every order, again and again, until the task is cancelled.
    package func refuseEverything() async {
        while !Task.isCancelled {
            try? await withConnection { connection, frames in
                while let frame = try await frames.next(isolation: #isolation) {
                    guard case .control(let control) = frame, case .order(let order) = control.message else { continue }
                    try await connection.send(.refusal(of: order.id))
                }
            }
        }
    }

    /// Waits for the server's last word on a connection.
    package static func goodbye(in frames: inout FrameSequence.Iterator) async throws -> Tributary_V1_Goodbye.Code? {
        while let frame = try await frames.next(isolation: #isolation) {
            if case .control(let control) = frame, case .goodbye(let goodbye) = control.message { return goodbye.code }
        }
        return nil
    }

    private struct Session {
        let connection: FrameConnection
        let offering: Offering
        private var order: Tributary_V1_Order?
        private var handed: [UInt8] = []
        private var offered: [UInt8] = []

        init(connection: FrameConnection, offering: Offering) {
            self.connection = connection
            self.offering = offering
        }

        mutating func run(_ frames: inout FrameSequence.Iterator) async throws -> Answer {
            do {
                while let frame = try await frames.next(isolation: #isolation) {
                    switch frame {
                    case .chunk(let chunk):
                        handed += chunk.bytes.readableBytesView
                        if let order, handed.count == Int(order.adapter.byteCount) { try await offer(for: order) }
                    case .control(let control):
                        if let answer = try await hear(control.message) { return answer }
                    }
                }
            } catch is TransportError {
                // As good as closed: who breaks the rules may find the line cut while it still talks.
            }
            return .closed
        }

        private mutating func hear(_ message: Tributary_V1_Control.OneOf_Message?) async throws -> Answer? {
            switch message {
            case .order(let order) where order.id.kind == .train && self.order == nil:
                self.order = order
                var reply = Tributary_V1_OrderReply()
                reply.id = order.id
                reply.accepted = true
                try await connection.send(.message(.orderReply(reply)))
                var fetch = Tributary_V1_Fetch()
                fetch.sha256 = order.adapter.sha256
                fetch.offset = offering.fetchOffset(order.adapter)
                try await connection.send(.message(.fetch(fetch)))
            case .order(let order):
                try await connection.send(.refusal(of: order.id))
            case .uploadRequest(let request):
                for frame in offering.frames(offered, request) {
                    // Who breaks the rules finds the line closed in the middle of a sentence; the answer is still there.
                    guard (try? await connection.send(frame)) != nil else { break }
                }
            case .updateVerdict(let verdict):
                return .verdict(verdict)
            case .goodbye(let goodbye):
                return .goodbye(goodbye)
            default:
                break
            }
            return nil
        }

        private mutating func offer(for order: Tributary_V1_Order) async throws {
            offered = try offering.payload(handed, order)
            var offer = Tributary_V1_UpdateOffer()
            offer.id = order.id
            offer.adapter = order.adapter
            offer.adapter.sha256 = PayloadDigest(hashing: offered).message
            offer.adapter.byteCount = UInt64(offered.count)
            offer.exampleCount = 1
            offering.change(&offer)
            try await connection.send(.message(.updateOffer(offer)))
        }
    }
}

extension Frame {
    /// The first thing that a client says.
    package static var hello: Frame {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = ProtocolVersion.current
        hello.software = "test"
        hello.maximumRank = 8
        return .message(.hello(hello))
    }

    /// The word of a client that does not do what it is asked.
    package static func refusal(of order: Tributary_V1_OrderID) -> Frame {
        var reply = Tributary_V1_OrderReply()
        reply.id = order
        reply.reason = "I do nothing of the kind."
        return .message(.orderReply(reply))
    }
}
