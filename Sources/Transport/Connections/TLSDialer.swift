import NIOCore
import NIOPosix
import NIOSSL

/// Connects and waits for the handshake: what both dialers have in common.
enum TLSDialer {
    private struct Attempt: Sendable {
        let channel: any Channel
        let admission: EventLoopFuture<Admission>
    }

    /// Makes one connection.
    ///
    /// - Parameters:
    ///   - host: The server's name or address.
    ///   - port: The server's port.
    ///   - limits: How long to wait.
    ///   - handler: Makes the TLS handler of a connection.
    ///   - judge: Judges the server after the handshake.
    /// - Returns: A channel that the caller has to close.
    /// - Throws: ``TransportError``, whose kind says where it failed.
    static func connect(
        to host: String,
        port: Int,
        limits: TransportLimits,
        handler: @escaping @Sendable () throws -> NIOSSLClientHandler,
        judge: @escaping AdmissionHandler.Judge
    ) async throws -> Admission {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .applyingOptions()
        let attempt: Attempt
        do {
            attempt = try await bootstrap.connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let promise = channel.eventLoop.makePromise(of: Admission.self)
                    do {
                        try channel.pipeline.syncOperations.addHandlers([
                            LostPeerHandler(),
                            StalledWriteHandler(patience: limits.writePatience),
                            handler(),
                            AdmissionHandler(limits: limits, admission: promise, judge: judge),
                        ])
                    } catch {
                        promise.fail(error)
                        throw error
                    }
                    return Attempt(channel: channel, admission: promise.futureResult)
                }
            }
        } catch {
            throw TransportError.connecting(to: host, port: port, failedWith: error)
        }
        do {
            return try await withTaskCancellationHandler {
                try await attempt.admission.get()
            } onCancel: {
                attempt.channel.close(promise: nil)
            }
        } catch {
            try Task.checkCancellation()
            throw TransportError.mapping(error)
        }
    }
}

extension ClientBootstrap {
    /// What every connection that is made is set to.
    fileprivate func applyingOptions() -> ClientBootstrap {
        ConnectionOptions.KeepAlive.options.reduce(self) { $0.channelOption($1.0, value: $1.1) }
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: ConnectionOptions.receiveAllocator)
            .channelOption(.maxMessagesPerRead, value: ConnectionOptions.readsAtOnce)
            .channelOption(.writeBufferWaterMark, value: ConnectionOptions.writeWaterMark)
    }
}
