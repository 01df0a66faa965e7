import NIOCore
import Synchronization
import WireProtocol

/// Remembers why a connection broke, for whoever only finds it closed.
final class ConnectionFailure: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    var error: (any Error)? { first.withLock { $0 } }

    func record(_ error: any Error) {
        first.withLock { if $0 == nil { $0 = TransportError.mapping(error) } }
    }
}

/// Watches for errors on their way through the pipeline.
final class ConnectionFailureHandler: ChannelInboundHandler {
    typealias InboundIn = Frame

    private let failure: ConnectionFailure

    init(_ failure: ConnectionFailure) {
        self.failure = failure
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure.record(error)
        context.fireErrorCaught(error)
    }
}
