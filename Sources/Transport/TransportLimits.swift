package import WireProtocol

/// How much a listener or a dialer gives a peer that has not yet proved anything, or that does nothing.
package struct TransportLimits: Sendable, Hashable {
    /// The largest frames that are sent.
    package var frames: FrameLimits
    /// The largest frames that are taken, until ``FrameConnection/allow(_:)`` says otherwise.
    package var inbound: FrameLimits
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
    /// How many of a listener's connections may be strangers': in their handshake, or on the enrolment listener at all.
    ///
    /// The oldest of them gives way to the newest. Who is honest has long finished by then; who holds a place open has not.
    package var maximumHandshakes: Int
    /// How many connections one member holds at a time.
    ///
    /// One works, and some may be half-open; the oldest gives way.
    package var connectionsPerMember: Int

    package init(
        frames: FrameLimits = .federation,
        inbound: FrameLimits? = nil,
        connectTimeout: Duration = .seconds(10),
        handshakeTimeout: Duration = .seconds(10),
        writePatience: Duration = .seconds(60),
        maximumConnections: Int = 16_384,
        maximumHandshakes: Int = 1024,
        connectionsPerMember: Int = 4
    ) {
        self.frames = frames
        self.inbound = inbound ?? frames
        self.connectTimeout = connectTimeout
        self.handshakeTimeout = handshakeTimeout
        self.writePatience = writePatience
        self.maximumConnections = maximumConnections
        self.maximumHandshakes = maximumHandshakes
        self.connectionsPerMember = connectionsPerMember
    }

    /// Between members of a federation.
    package static let federation = TransportLimits()

    /// Of a server towards enrolled clients: they may send messages, and chunks only when they were asked for a payload.
    package static let server = TransportLimits(inbound: .quietClient)

    /// Between an enrolment listener and strangers.
    package static let enrolment = TransportLimits(
        frames: .enrolment,
        writePatience: .seconds(10),
        maximumConnections: 256,
        maximumHandshakes: 256
    )
}
