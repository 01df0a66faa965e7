import NIOCore

/// Collects what comes, and closes at the first error.
final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let collector: Collector

    init(_ collector: Collector) {
        self.collector = collector
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        collector.add(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        collector.end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        collector.add(error)
        context.close(promise: nil)
    }
}
