import NIOCore
import NIOSSL
import NIOTLS

/// Waits for the handshake, judges the peer, and only then builds the rest of the pipeline.
///
/// Until then a connection costs a TLS handler and a timer. A peer that fails gets no byte but those of TLS.
final class AdmissionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Reads a peer's identity out of its verified certificate, or throws to refuse it.
    ///
    /// The address is for the record.
    typealias Judge = @Sendable (_ certificate: NodeCertificate?, _ address: String) throws -> PeerIdentity?

    private let limits: TransportLimits
    private let judge: Judge
    private let admission: EventLoopPromise<Admission>
    private var deadline: Scheduled<Void>?
    private var isDecided = false

    init(limits: TransportLimits, admission: EventLoopPromise<Admission>, judge: @escaping Judge) {
        self.limits = limits
        self.admission = admission
        self.judge = judge
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let patience = limits.handshakeTimeout
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) {
            self.refuse(TransportError.handshakeTimedOut(after: "\(patience)"), context: context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        decide(.failure(TransportError.closed))
    }

    func channelInactive(context: ChannelHandlerContext) {
        decide(.failure(TransportError.lost(reason: "it was closed during the handshake")))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        refuse(TransportError.mapping(error), context: context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent, !isDecided { admit(context: context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func admit(context: ChannelHandlerContext) {
        let address = context.channel.remoteAddress?.hostAndPort ?? "unknown"
        let pipeline = context.pipeline.syncOperations
        do {
            let certificate = try pipeline.nioSSL_peerCertificate()
            let peer = try judge(certificate.map { try NodeCertificate(bytes: $0.toDERBytes()) }, address)
            decide(.success(try Admission(of: peer, at: address, on: context.channel, limits: limits)))
            pipeline.removeHandler(context: context, promise: nil)
        } catch {
            refuse(error, context: context)
        }
    }

    private func refuse(_ error: any Error, context: ChannelHandlerContext) {
        guard !isDecided else { return }
        decide(.failure(error))
        context.close(promise: nil)
    }

    private func decide(_ result: Result<Admission, any Error>) {
        guard !isDecided else { return }
        isDecided = true
        deadline?.cancel()
        deadline = nil
        admission.completeWith(result)
    }
}

extension SocketAddress {
    /// `host:port`, with brackets around an IPv6 address.
    var hostAndPort: String {
        let host = ipAddress ?? "unknown"
        let shown = host.contains(":") ? "[\(host)]" : host
        return "\(shown):\(port ?? 0)"
    }
}
