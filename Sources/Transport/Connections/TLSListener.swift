import Logging
import NIOCore
import NIOPosix
import NIOSSL
import WireProtocol

/// Where a listener really listens.
package struct BoundAddress: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, with brackets around an IPv6 address.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Accepts TLS connections and runs one child task for each: what both listeners have in common.
struct TLSListener: Sendable {
    private struct Arrival: Sendable {
        let channel: any Channel
        let admission: EventLoopFuture<Admission>
    }

    let host: String
    let port: Int
    /// The settings of a connection that begins now.
    let context: @Sendable () throws -> NIOSSLContext
    let limits: TransportLimits
    let logger: Logger
    let judge: AdmissionHandler.Judge

    /// Serves until the task is cancelled; then the children are cancelled, and it returns when they have.
    func run(
        onBound: @Sendable (BoundAddress) async -> Void,
        handle: @Sendable @escaping (Admission) async -> Void
    ) async throws {
        // What is wrong with the credentials is told before anybody connects.
        _ = try context()
        let slots = ConnectionSlots(limits: limits)
        let server = try await bind(slots)
        do {
            try await server.executeThenClose { arrivals in
                let address = server.channel.localAddress
                await onBound(BoundAddress(host: address?.ipAddress ?? host, port: address?.port ?? port))
                try await withThrowingDiscardingTaskGroup { group in
                    for try await arrival in arrivals {
                        group.addTask { await serve(arrival, slots, handle) }
                    }
                }
            }
        } catch is CancellationError {
            // The way in which a listener ends.
        }
        await slots.closeAll()
    }

    private func bind(_ slots: ConnectionSlots) async throws -> NIOAsyncChannel<Arrival, Never> {
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .applyingChildOptions()
        do {
            return try await bootstrap.bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel, slots) }
                    .flatMapErrorThrowing { error in
                        channel.close(promise: nil)
                        throw error
                    }
            }
        } catch {
            let reason = (error as? IOError)?.description ?? "\(error)"
            throw TransportError.cannotListen(host: host, port: port, reason: reason)
        }
    }

    private func configure(_ channel: any Channel, _ slots: ConnectionSlots) throws -> Arrival {
        let promise = channel.eventLoop.makePromise(of: Admission.self)
        do {
            try slots.take(for: channel)
            try channel.pipeline.syncOperations.addHandlers([
                LostPeerHandler(),
                StalledWriteHandler(patience: limits.writePatience),
                NIOSSLServerHandler(context: try context()),
                AdmissionHandler(limits: limits, admission: promise, judge: judge),
            ])
        } catch {
            promise.fail(error)
            throw error
        }
        return Arrival(channel: channel, admission: promise.futureResult)
    }

    private func serve(
        _ arrival: Arrival,
        _ slots: ConnectionSlots,
        _ handle: @Sendable (Admission) async -> Void
    ) async {
        do {
            let admission = try await withTaskCancellationHandler {
                try await arrival.admission.get()
            } onCancel: {
                arrival.channel.close(promise: nil)
            }
            // By certificates: one that was revoked takes no place from the one that was issued after it.
            if let peer = admission.peer { slots.prove(arrival.channel, isOf: "\(peer.fingerprint)") }
            await handle(admission)
        } catch {
            logger.info(
                "connection refused",
                metadata: [
                    "peer.address": "\(arrival.channel.remoteAddress?.hostAndPort ?? "unknown")",
                    "reason": "\(TransportError.mapping(error))",
                ]
            )
        }
    }
}

extension ServerBootstrap {
    /// What every accepted connection is set to.
    fileprivate func applyingChildOptions() -> ServerBootstrap {
        ConnectionOptions.KeepAlive.options.reduce(self) { $0.childChannelOption($1.0, value: $1.1) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.recvAllocator, value: ConnectionOptions.receiveAllocator)
            .childChannelOption(.maxMessagesPerRead, value: ConnectionOptions.readsAtOnce)
            .childChannelOption(.writeBufferWaterMark, value: ConnectionOptions.writeWaterMark)
    }
}
