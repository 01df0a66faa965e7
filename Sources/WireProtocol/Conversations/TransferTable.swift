/// The payloads that one side has asked for and that are on their way.
struct TransferTable: Sendable {
    private struct Entry: Sendable {
        var transfer: IncomingTransfer
        var moved: ContinuousClock.Instant
        /// How many bytes of a chunk had come by then, when it was not complete.
        var begun = 0
        /// Nobody wants the bytes any more, but those that the peer sent before it knew still arrive.
        var isAbandoned: Bool
        /// Somebody wants it after all, from its beginning, as soon as those bytes have come.
        var isWantedAgain = false
    }

    /// What an accepted chunk is good for.
    enum Acceptance: Equatable {
        case wanted(isLast: Bool)
        /// `isDue` when the last of them has come and the payload is wanted again.
        case unwanted(isDue: Bool)
    }

    private var entries: [PayloadDigest: Entry] = [:]
    /// Whether the peer sends one payload after the other: those that wait for their turn do not stand still.
    private let comesInTurn: Bool

    init(comesInTurn: Bool = false) {
        self.comesInTurn = comesInTurn
    }

    /// Whether no bytes are awaited, not even unwanted ones.
    var isEmpty: Bool { entries.isEmpty }

    /// Expects the bytes of `transfer`, from now on.
    mutating func begin(_ transfer: IncomingTransfer, at now: ContinuousClock.Instant) {
        entries[transfer.digest] = Entry(transfer: transfer, moved: now, isAbandoned: false)
    }

    /// Lets the rest of a payload come without anybody wanting it.
    mutating func abandon(_ digest: PayloadDigest) {
        entries[digest]?.isAbandoned = true
        entries[digest]?.isWantedAgain = false
    }

    /// Wants an abandoned payload again, whose rest is still on its way.
    ///
    /// - Returns: Whether there is one; it is to be asked for when the rest has come.
    mutating func wantAgain(_ digest: PayloadDigest) -> Bool {
        guard entries[digest]?.isAbandoned == true else { return false }
        entries[digest]?.isWantedAgain = true
        return true
    }

    /// Forgets an abandoned payload, whose last chunk is known to have come.
    mutating func forgetAbandoned(_ digest: PayloadDigest) {
        if entries[digest]?.isAbandoned == true { entries[digest] = nil }
    }

    mutating func accept(
        _ chunk: Chunk,
        at now: ContinuousClock.Instant
    ) throws(ProtocolViolation) -> Acceptance {
        guard var entry = entries[chunk.digest] else { throw .unexpectedChunk(chunk.digest) }
        try entry.transfer.accept(chunk)
        entry.moved = now
        entry.begun = 0
        let isLast = entry.transfer.isComplete
        entries[chunk.digest] = isLast ? nil : entry
        if comesInTurn { allMoved(at: now) }
        return entry.isAbandoned ? .unwanted(isDue: isLast && entry.isWantedAgain) : .wanted(isLast: isLast)
    }

    /// Records how much has come of a chunk that is not complete.
    ///
    /// - Parameters:
    ///   - chunk: What has come of it.
    ///   - slowest: The bytes a second that are owed since the transfer moved last.
    ///   - now: The time.
    /// - Returns: Whether that much has come; the transfer has moved then. Of a payload that was not asked for nothing counts.
    mutating func accept(_ chunk: BegunChunk, slowest: Int, at now: ContinuousClock.Instant) -> Bool {
        guard var entry = entries[chunk.digest] else { return false }
        let owed = Double(slowest) * (entry.moved.duration(to: now) / .seconds(1))
        let gained = chunk.byteCount - entry.begun
        guard gained > 0, Double(gained) >= owed else { return false }
        entry.moved = now
        entry.begun = chunk.byteCount
        entries[chunk.digest] = entry
        if comesInTurn { allMoved(at: now) }
        return true
    }

    private mutating func allMoved(at now: ContinuousClock.Instant) {
        for digest in entries.keys { entries[digest]?.moved = now }
    }

    /// When the transfer that has stood still the longest moved last.
    var oldestMovement: ContinuousClock.Instant? {
        entries.values.lazy.filter { !$0.isAbandoned || $0.isWantedAgain }.map(\.moved).min()
    }
}
