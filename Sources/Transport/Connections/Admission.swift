import NIOCore
import WireProtocol

/// A peer that has passed the handshake, and the channel to it.
struct Admission: Sendable {
    /// `nil` on the enrolment listener, where peers have no certificate.
    let peer: PeerIdentity?
    let address: String
    let channel: NIOAsyncChannel<Frame, ByteBuffer>
    let allowance: FrameAllowance
    let arrival: FrameArrival
    let failure: ConnectionFailure

    /// Builds what follows the handshake in a channel's pipeline: from here on it carries frames.
    ///
    /// To be called on the channel's event loop.
    init(of peer: PeerIdentity?, at address: String, on channel: any Channel, limits: TransportLimits) throws {
        let failure = ConnectionFailure()
        let allowance = FrameAllowance(limits.inbound)
        let arrival = FrameArrival()
        try channel.pipeline.syncOperations.addHandlers([
            ByteToMessageHandler(FrameDecoder(allowance: allowance, arrival: arrival)),
            ConnectionFailureHandler(failure),
        ])
        self.channel = try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: ConnectionOptions.frameBackPressure)
        )
        self.peer = peer
        self.address = address
        self.allowance = allowance
        self.arrival = arrival
        self.failure = failure
    }
}
