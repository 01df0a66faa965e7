package import NIOCore
private import NIOPosix
package import NIOSSL
private import Synchronization
package import Transport
package import WireProtocol

/// A client that follows no rules: any certificate or none, any TLS version, any bytes.
package struct RawTLSPeer: Sendable {
    /// What happened on one connection.
    package struct Outcome: Sendable {
        /// Every application byte that came.
        package let received: ByteBuffer
        /// The first error, if there was one.
        package let error: (any Error)?

        /// The frames among the bytes.
        package func frames() throws -> [Frame] {
            var rest = received
            var frames: [Frame] = []
            while let frame = try FrameDecoder.readFrame(from: &rest, limits: .federation) { frames.append(frame) }
            return frames
        }
    }

    private let certificate: NodeCertificate?
    private let key: NodeKey?
    private let versions: (TLSVersion, TLSVersion)

    /// Creates a peer that shows a certificate, or none, and speaks the versions of TLS from the first to the second.
    package init(
        certificate: NodeCertificate? = nil,
        key: NodeKey? = nil,
        versions: (TLSVersion, TLSVersion) = (.tlsv13, .tlsv13)
    ) {
        self.certificate = certificate
        self.key = key
        self.versions = versions
    }

    /// Connects, sends `bytes`, and collects what comes until the other side closes.
    package func talk(to port: Int, sending bytes: [UInt8]) async throws -> Outcome {
        let collector = Collector()
        let channel = try await connect(to: port, collector)
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        try await channel.waitUntilClosed()
        return collector.outcome
    }

    /// Bytes to send, and how much has to come back before the next are sent.
    package struct Exchange: Sendable {
        let bytes: [UInt8]
        let isOver: @Sendable (ByteBuffer) -> Bool

        /// Sends `bytes`, and waits until `isOver` holds of everything that came so far, or the connection is closed.
        package init(sending bytes: [UInt8], until isOver: @escaping @Sendable (ByteBuffer) -> Bool) {
            self.bytes = bytes
            self.isOver = isOver
        }
    }

    /// Connects, goes through the exchanges one after the other, and closes.
    package func talk(to port: Int, _ exchanges: [Exchange]) async throws -> Outcome {
        let collector = Collector()
        let channel = try await connect(to: port, collector)
        var arrivals = collector.arrivals.makeAsyncIterator()
        for exchange in exchanges {
            if !exchange.bytes.isEmpty { channel.writeAndFlush(ByteBuffer(bytes: exchange.bytes), promise: nil) }
            while !exchange.isOver(collector.outcome.received) {
                guard await arrivals.next() != nil else {
                    channel.close(promise: nil)
                    return collector.outcome
                }
            }
        }
        try? await channel.close()
        return collector.outcome
    }

    /// Connects, and returns when the handshake is over or has failed; whoever gets the channel closes it.
    package func connect(to port: Int) async throws -> any Channel {
        let channel = try await connect(to: port, Collector())
        // The first write leaves with the end of the handshake.
        try await channel.writeAndFlush(ByteBuffer())
        return channel
    }

    /// Connects, sends `bytes`, and closes in an orderly way.
    package func leave(_ port: Int, after bytes: [UInt8]) async throws {
        let channel = try await connect(to: port, Collector())
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        try await channel.close()
    }

    func connect(to port: Int, _ collector: Collector) async throws -> any Channel {
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
