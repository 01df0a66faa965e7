package import NIOCore
package import WireProtocol

/// One authenticated connection that carries frames.
///
/// Lent to a closure by ``FederationListener`` or ``FederationDialer``; it is closed when the closure returns.
package struct FrameConnection: Sendable {
    /// Who is at the other end.
    package let peer: PeerIdentity
    /// What the other side sends; one consumer.
    package let inbound: FrameSequence

    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let channel: any Channel
    private let allowance: FrameAllowance
    private let arrival: FrameArrival
    private let failure: ConnectionFailure
    private let limits: FrameLimits

    private init(
        peer: PeerIdentity,
        inbound: NIOAsyncChannelInboundStream<Frame>,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        admission: Admission,
        limits: FrameLimits
    ) {
        self.peer = peer
        self.inbound = FrameSequence(inbound)
        self.outbound = outbound
        self.channel = admission.channel.channel
        self.allowance = admission.allowance
        self.arrival = admission.arrival
        self.failure = admission.failure
        self.limits = limits
    }

    /// Lends a connection over a channel on which both sides have proved who they are, and closes it.
    ///
    /// What carries the bytes is the caller's to choose: TLS when deployed, a simulated network in tests.
    ///
    /// - Parameters:
    ///   - channel: An open channel of bytes, on whose event loop this is called.
    ///   - peer: Who is at the other end.
    ///   - limits: What is given to the peer.
    ///   - body: What to do with the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    package static func lend<Result>(
        over channel: any Channel,
        to peer: PeerIdentity,
        limits: TransportLimits,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        let admission = try Admission(of: peer, at: peer.address, on: channel, limits: limits)
        return try await lend(admission, to: peer, limits: limits, body)
    }

    /// Lends the connection to an admitted peer, and closes it.
    static func lend<Result>(
        _ admission: Admission,
        to peer: PeerIdentity,
        limits: TransportLimits,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        try await admission.channel.executeThenClose { inbound, outbound in
            try await body(
                FrameConnection(
                    peer: peer,
                    inbound: inbound,
                    outbound: outbound,
                    admission: admission,
                    limits: limits.frames
                )
            )
        }
    }

    /// Sends a frame, waiting while the other side does not read.
    ///
    /// Any number of tasks may send at a time; frames are never mixed.
    ///
    /// - Throws: ``FramingError`` when the other side would refuse the frame, ``TransportError`` when the connection is gone,
    ///   `CancellationError` when the task is cancelled.
    package func send(_ frame: Frame) async throws {
        let pieces = try frame.serialized(limits: limits)
        do {
            try await outbound.write(contentsOf: pieces)
            if case .chunk = frame { try await settle() }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw failure.error ?? TransportError.mapping(error)
        }
    }

    /// Waits until the event loop has what was sent.
    ///
    /// Only there it shows whether the other side reads. Whoever went on at once would put chunk upon chunk for as long as
    /// others have the processors, all of it in fresh memory.
    private func settle() async throws {
        guard !channel.eventLoop.inEventLoop else { return }
        try await channel.eventLoop.submit {}.get()
    }

    /// Takes frames within `limits` from now on.
    ///
    /// To be called before what makes the other side send larger ones is sent.
    package func allow(_ limits: FrameLimits) {
        allowance.limits = limits
    }

    /// How far the chunk is that is coming in, for whoever judges whether the other side is silent.
    package var begunChunk: BegunChunk? { arrival.begunChunk }

    /// Closes the connection after what has been sent, and waits until it is closed.
    ///
    /// Works in a cancelled task too, and does not wait for a peer that does not read.
    ///
    /// - Parameter goodbye: The last message, if there is something to say.
    package func close(saying goodbye: Tributary_V1_Goodbye? = nil) async {
        if let goodbye, let pieces = try? Frame.message(.goodbye(goodbye)).serialized(limits: limits) {
            for piece in pieces { channel.write(piece, promise: nil) }
            channel.flush()
        }
        channel.close(promise: nil)
        try? await channel.closeFuture.get()
    }
}
