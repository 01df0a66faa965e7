import Glibc
import NIOCore

/// Closes a connection whose peer takes no bytes although there are some for it.
///
/// Sits next to the socket, so that it sees encrypted bytes go, whatever they carry. Any write that completes is progress. On a
/// slow line one write takes longer than anybody's patience, and the system takes more only when much of what it has is gone; so
/// before this gives up it asks when the system sent bytes last. To a peer that has no room it sends none, however often it asks
/// whether there is room again.
final class StalledWriteHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let patience: Duration
    private let latestDeparture: @Sendable (any Channel) -> EventLoopFuture<Duration>?
    private var pendingWrites = 0
    private var progress = NIODeadline.now()
    private var check: Scheduled<Void>?

    /// Creates a handler, to be placed next to the socket.
    ///
    /// - Parameters:
    ///   - patience: How long the peer may take nothing.
    ///   - latestDeparture: How to ask the system how long ago it sent bytes; `nil` when it cannot tell.
    init(
        patience: Duration,
        latestDeparture: @Sendable @escaping (any Channel) -> EventLoopFuture<Duration>? = { $0.latestDeparture }
    ) {
        self.patience = patience
        self.latestDeparture = latestDeparture
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let eventLoop = context.eventLoop
        let promise = promise ?? eventLoop.makePromise()
        if pendingWrites == 0 { progress = eventLoop.now }
        pendingWrites += 1
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.pendingWrites -= 1
            self.progress = eventLoop.now
        }
        if check == nil { scheduleCheck(context: context) }
        context.write(data, promise: promise)
    }

    private func scheduleCheck(context: ChannelHandlerContext) {
        let deadline = progress + TimeAmount(patience)
        check = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.check = nil
            guard self.pendingWrites > 0 else { return }
            if self.isStalled(on: context.eventLoop) {
                self.ask(context: context)
            } else {
                self.scheduleCheck(context: context)
            }
        }
    }

    private func isStalled(on eventLoop: any EventLoop) -> Bool {
        eventLoop.now - progress >= TimeAmount(patience)
    }

    private func ask(context: ChannelHandlerContext) {
        guard let answer = latestDeparture(context.channel) else { return giveUp(context: context) }
        answer.assumeIsolated().whenComplete { result in
            // An error is that of a channel that is closed. Meanwhile a write may have completed and another one begun.
            guard case .success(let age) = result, self.pendingWrites > 0, self.check == nil else { return }
            self.progress = max(self.progress, context.eventLoop.now - TimeAmount(age))
            if self.isStalled(on: context.eventLoop) {
                self.giveUp(context: context)
            } else {
                self.scheduleCheck(context: context)
            }
        }
    }

    private func giveUp(context: ChannelHandlerContext) {
        context.fireErrorCaught(TransportError.peerDoesNotRead(after: "\(patience)"))
        context.close(promise: nil)
    }
}

extension Channel {
    /// How long ago the system sent bytes to the peer.
    fileprivate var latestDeparture: EventLoopFuture<Duration>? {
        (self as? any SocketOptionProvider)?.getTCPInfo().map { .milliseconds(Int64($0.tcpi_last_data_sent)) }
    }
}
