/// What both ends of a conversation measure alike: silence, stalled transfers and floods.
struct Watch: Sendable {
    var limits: ConversationLimits
    private let opened: ContinuousClock.Instant
    private var heard: ContinuousClock.Instant
    private var budget: MessageBudget

    init(limits: ConversationLimits, openedAt now: ContinuousClock.Instant) {
        self.limits = limits
        self.opened = now
        self.heard = now
        self.budget = MessageBudget(burst: limits.messageBurst, perSecond: limits.messagesPerSecond, now: now)
    }

    /// Records that a frame came.
    ///
    /// Chunks are bounded by their size and by having been asked for, so only messages count against the budget.
    mutating func heard(_ frame: Frame, at now: ContinuousClock.Instant) throws(ProtocolViolation) {
        heard = max(heard, now)
        if case .control = frame, !budget.spend(at: now) { throw .flood(perSecond: limits.messagesPerSecond) }
    }

    /// Records that more of a chunk came which is still not complete.
    mutating func heardPart(at now: ContinuousClock.Instant) { heard = max(heard, now) }

    /// The instant at which patience ends, and with what.
    func deadline(
        isGreeted: Bool,
        oldestMovement: ContinuousClock.Instant?
    ) -> (instant: ContinuousClock.Instant, expiry: ProtocolViolation.Expiry) {
        guard isGreeted else { return (opened + limits.greeting, .greeting(after: limits.greeting)) }
        let silence = heard + limits.silence
        guard let oldestMovement, oldestMovement + limits.transferPatience < silence else {
            return (silence, .silence(after: limits.silence))
        }
        return (oldestMovement + limits.transferPatience, .transfer(after: limits.transferPatience))
    }
}
