package import WireProtocol

/// How much a listener or a dialer gives a peer that has not yet proved anything, or that does nothing.
package struct TransportLimits: Sendable, Hashable {
    /// The largest frames that are taken.
    package var frames: FrameLimits
    /// How long finding and reaching the other side may take.
    package var connectTimeout: Duration
    /// How long the TLS handshake may take, from the first packet on.
    package var handshakeTimeout: Duration
    /// How long the other side may not take a single byte that we have for it.
    package var writePatience: Duration
    /// How many connections a listener holds at a time.
    ///
    /// More are closed at once, before anything is allocated for them.
    package var maximumConnections: Int
    /// How many of a listener's connections may still be in their handshake.
    package var maximumHandshakes: Int

    package init(
        frames: FrameLimits = .federation,
        connectTimeout: Duration = .seconds(10),
        handshakeTimeout: Duration = .seconds(10),
        writePatience: Duration = .seconds(60),
        maximumConnections: Int = 16_384,
        maximumHandshakes: Int = 1024
    ) {
        self.frames = frames
        self.connectTimeout = connectTimeout
        self.handshakeTimeout = handshakeTimeout
        self.writePatience = writePatience
        self.maximumConnections = maximumConnections
        self.maximumHandshakes = maximumHandshakes
    }

    /// Between members of a federation.
    package static let federation = TransportLimits()

    /// Between an enrolment listener and strangers.
    package static let enrolment = TransportLimits(
        frames: .enrolment,
        writePatience: .seconds(10),
        maximumConnections: 256,
        maximumHandshakes: 128
    )
}
