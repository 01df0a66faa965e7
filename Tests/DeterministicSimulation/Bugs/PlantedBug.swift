/// A mistake that the shipped code might have made, to see whether the tester finds it.
///
/// Each is made where the real code meets the simulated world, so that one build holds them all: at the seams of a run
/// (store, cohort, clock), at the disk and the network, and at a process's start. None is in shipped code.
package enum PlantedBug: String, CaseIterable, Sendable {
    // A run and its store.
    case recordsLate = "an update is acknowledged and recorded a moment later"
    case recordsMostly = "every seventh update is acknowledged and not recorded"
    case recordsForNeighbour = "an update is recorded under another client's name"
    case countsTwice = "an update is counted for two clients"
    case forgetsAtRestart = "an accepted update is forgotten when the server starts again"
    case forgetsPayload = "an adapter is named before its payload is on disk"
    case losesPayload = "an accepted payload is removed before the round is combined"
    case mixesPayloads = "one client's payload is read in place of another's"
    case skipsIntake = "an update's numbers are never looked at"
    case dropsRound = "a round commits the adapter that it started from"
    case keepsOldState = "a restarted server goes on from the round before the last"
    case chargesLate = "noise is charged after the round is released"
    case chargesNever = "noise is never charged"
    // A run and its cohort.
    case answersEarly = "an update is acknowledged when it arrives"
    case acceptsRejected = "a rejected update is answered as accepted"
    case rejectsAccepted = "an accepted update is answered as rejected"
    case countsLate = "an update for an earlier round is counted in the present one"
    case losesVerdicts = "every fifth verdict is never given"
    case losesOrders = "every fifth order is never sent"
    case losesOffers = "every tenth offer is never heard of"
    // A run and its clock.
    case missesDeadlines = "deadlines never come"
    case hurriesDeadlines = "deadlines come at once"
    // The server's disk.
    case skipsPayloadSync = "a received payload is not forced to disk"
    case skipsPayloadFolderSync = "a received payload's name is not forced to disk"
    case skipsDatabaseSync = "the database is not forced to disk"
    case keepsPayloads = "payloads are never removed"
    case ignoresLock = "the lock of the state directory keeps nobody out"
    // A client.
    case skipsOutboxSync = "the outbox is not forced to disk"
    case forgetsOutbox = "a restarted client forgets its outbox"
    case keepsOutbox = "the outbox is never emptied"
    case forgetsLedger = "a restarted client forgets its ledger"
    case skipsLedgerSync = "a silo's ledger is not forced to disk"
    case trainsStaleAdapter = "a client trains the adapter that it got first"
    case trainsTwice = "a restarted client adds its training twice"
    // Identities.
    case ignoresRevocation = "a revoked client stays connected"
    case ignoresExpiry = "a certificate that has ended is accepted"
    case honoursTokenTwice = "an invitation is good for two certificates"
}
