import NIOCore

/// Closes a connection whose peer takes no bytes although there are some for it.
///
/// Sits next to the socket, so that it sees encrypted bytes go, whatever they carry. Any write that completes is progress.
final class StalledWriteHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let patience: Duration
    private var pendingWrites = 0
    private var progress = NIODeadline.now()
    private var check: Scheduled<Void>?

    init(patience: Duration) {
        self.patience = patience
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
            if context.eventLoop.now - self.progress >= TimeAmount(self.patience) {
                context.fireErrorCaught(TransportError.peerDoesNotRead(after: "\(self.patience)"))
                context.close(promise: nil)
            } else {
                self.scheduleCheck(context: context)
            }
        }
    }
}
