import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import Transport
@testable import WireProtocol

/// A client that follows no rules: any certificate or none, any TLS version, any bytes.
struct RawTLSPeer: Sendable {
    /// What happened on one connection.
    struct Outcome: Sendable {
        /// Every application byte that came.
        let received: ByteBuffer
        /// The first error, if there was one.
        let error: (any Error)?

        /// The frames among the bytes.
        func frames() throws -> [Frame] {
            var rest = received
            var frames: [Frame] = []
            while let frame = try FrameDecoder.readFrame(from: &rest, limits: .federation) { frames.append(frame) }
            return frames
        }
    }

    var certificate: NodeCertificate?
    var key: NodeKey?
    var versions: (TLSVersion, TLSVersion) = (.tlsv13, .tlsv13)

    /// Connects, sends `bytes`, and collects what comes until the other side closes.
    func talk(to port: Int, sending bytes: [UInt8]) async throws -> Outcome {
        let collector = Collector()
        let channel = try await connect(to: port, collector)
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        try await channel.closeFuture.get()
        return collector.outcome
    }

    /// Connects, sends `bytes`, and closes in an orderly way.
    func leave(_ port: Int, after bytes: [UInt8]) async throws {
        let channel = try await connect(to: port, Collector())
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        try await channel.close()
    }

    private func connect(to port: Int, _ collector: Collector) async throws -> any Channel {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.certificateVerification = .none
        (settings.minimumTLSVersion, settings.maximumTLSVersion) = versions
        if let certificate, let key {
            settings.certificateChain = [.certificate(try NIOSSLCertificate(bytes: certificate.bytes, format: .der))]
            settings.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pem.utf8), format: .pem))
        }
        let context = try NIOSSLContext(configuration: settings)
        return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLClientHandler(context: context, serverHostname: nil), CollectingHandler(collector),
                    ])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }
}

/// A TCP client without TLS.
enum RawTCPPeer {
    /// Connects, sends `bytes`, and waits until the other side closes; returns what came.
    static func talk(to port: Int, sending bytes: [UInt8]) async throws -> ByteBuffer {
        let collector = Collector()
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(CollectingHandler(collector))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        if !bytes.isEmpty { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }
        try await channel.closeFuture.get()
        return collector.outcome.received
    }

    /// Connects and says nothing.
    static func connect(to port: Int) async throws -> any Channel {
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// Runs a TCP server that sends `greeting` and then nothing, and lends its port.
    static func withServer<Result>(
        greeting: [UInt8],
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                if !greeting.isEmpty { channel.writeAndFlush(ByteBuffer(bytes: greeting), promise: nil) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = server.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        do {
            let result = try await body(port)
            try await server.close()
            return result
        } catch {
            try? await server.close()
            throw error
        }
    }
}

private final class Collector: Sendable {
    private let state = Mutex<(ByteBuffer, (any Error)?)>((ByteBuffer(), nil))

    var outcome: RawTLSPeer.Outcome {
        state.withLock { RawTLSPeer.Outcome(received: $0.0, error: $0.1) }
    }

    func add(_ bytes: ByteBuffer) {
        state.withLock { _ = $0.0.writeImmutableBuffer(bytes) }
    }

    func add(_ error: any Error) {
        state.withLock { if $0.1 == nil { $0.1 = error } }
    }
}

private final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let collector: Collector

    init(_ collector: Collector) {
        self.collector = collector
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        collector.add(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        collector.add(error)
        context.close(promise: nil)
    }
}
