import Glibc
import NIOCore

/// Closes a connection whose other end no longer acknowledges what it is sent: its machine is gone, or the way to it.
///
/// The system asks after a peer by itself while nothing is under way (``ConnectionOptions/KeepAlive``). As soon as something is, it
/// stops asking and goes on sending for a quarter of an hour; then this looks once a second at when the peer's system was heard
/// last. Whoever is alive acknowledges what was sent. To a peer that has no room nothing is sent, so that nothing is due, however
/// rarely its system is heard then: that one is ``StalledWriteHandler``'s to judge.
final class LostPeerHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the system knows of what was sent.
    struct Acknowledgement: Sendable {
        /// Whether something was sent that the peer's system has not acknowledged.
        var isDue: Bool
        /// How long ago the peer's system acknowledged anything.
        var age: Duration
    }

    private static let interval = TimeAmount.seconds(1)

    private let patience: Duration
    private let acknowledgement: @Sendable (any Channel) -> EventLoopFuture<Acknowledgement>?
    private var check: Scheduled<Void>?

    /// Creates a handler, to be placed next to the socket.
    ///
    /// - Parameters:
    ///   - patience: How long nothing may be acknowledged.
    ///   - acknowledgement: How to ask the system; `nil` when it cannot tell.
    init(
        patience: Duration = ConnectionOptions.KeepAlive.patience,
        acknowledgement: @Sendable @escaping (any Channel) -> EventLoopFuture<Acknowledgement>? = { $0.acknowledgement }
    ) {
        self.patience = patience
        self.acknowledgement = acknowledgement
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        if check == nil { scheduleCheck(context: context) }
    }

    private func scheduleCheck(context: ChannelHandlerContext) {
        check = context.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { self.ask(context: context) }
    }

    private func ask(context: ChannelHandlerContext) {
        guard let answer = acknowledgement(context.channel) else { return check = nil }
        answer.assumeIsolated().whenComplete { result in
            self.check = nil
            // An error is that of a channel that is closed.
            guard case .success(let latest) = result, latest.isDue else { return }
            guard latest.age >= self.patience else { return self.scheduleCheck(context: context) }
            context.fireErrorCaught(TransportError.peerIsGone(after: "\(self.patience)"))
            context.close(promise: nil)
        }
    }
}

extension Channel {
    /// When the peer's system was heard last.
    fileprivate var acknowledgement: EventLoopFuture<LostPeerHandler.Acknowledgement>? {
        (self as? any SocketOptionProvider)?.getTCPInfo().map { info in
            LostPeerHandler.Acknowledgement(
                isDue: info.tcpi_unacked > 0,
                age: .milliseconds(Int64(info.tcpi_last_ack_recv))
            )
        }
    }
}
