import NIOCore

/// Stands where a channel's socket would: hands what is written to the network.
final class SocketHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private let connection: SimulatedConnection
    private let side: SimulatedConnection.Side
    private var written = ByteBuffer()

    init(_ connection: SimulatedConnection, _ side: SimulatedConnection.Side) {
        self.connection = connection
        self.side = side
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = unwrapOutboundIn(data)
        written.writeBuffer(&bytes)
        promise?.succeed()
    }

    func flush(context: ChannelHandlerContext) {
        guard written.readableBytes > 0 else { return }
        connection.send(written, from: side)
        written = ByteBuffer()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        connection.closed(by: side)
        context.close(mode: mode, promise: promise)
    }
}
