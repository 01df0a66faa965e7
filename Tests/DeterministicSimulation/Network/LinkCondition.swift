/// What is wrong with the way between one client and the server.
struct LinkCondition: Hashable, Sendable {
    /// Nanoseconds from one end to the other, at least and at most.
    var delay: ClosedRange<Int64> = 500_000...5_000_000
    /// Bytes a second; `nil` for as many as there are.
    var bandwidth: Int?
    /// Whether nothing comes through until that is over, in each direction.
    var holdsUp = false
    var holdsDown = false
    /// Whether new connections find nobody.
    var isUnreachable = false
    /// Of a thousand frames, how many vanish, come twice, or after the next one; what TLS would never let happen, and a
    /// peer with a broken sender would.
    var losesFrames = 0
    var repeatsFrames = 0
    var swapsFrames = 0
    /// Of a thousand frames, how many are cut short by the end of the connection.
    var cutsFrames = 0

    init() {}
}
