package import FederatedLearning

/// What this silo owes the server: every order that is waiting, being worked or done, and what follows from each event.
///
/// A value without I/O. The driver tells it what happened and performs the actions that it returns, in their order.
/// One order is worked at a time, in order of arrival. Nothing here is lost when the connection is: what the server
/// still has to hear is said again after ``welcomed(payloadLimit:)``.
///
/// Work goes on without a connection, but not for ever: an order that the server has not given or repeated on a connection
/// for as long as its lease is given up (``expired(at:)``), because its round may be long gone. So is one that a later
/// round of its job has overtaken.
package struct TaskLoop: Sendable {
    /// What the driver is to do.
    package enum Action: Hashable, Sendable {
        /// Say something to the server. Only returned while connected.
        case send(TaskMessage)
        /// Bring the payload here, from where an earlier attempt stopped, then call ``payloadArrived(_:)``.
        case fetch(AdapterReference)
        /// Start to work. It ends with ``finished(_:)``, ``evaluated(_:_:)``, ``failed(_:reason:)`` or ``stopped(_:)``.
        case work(WorkOrder)
        /// Stop the work that was started; its end is still reported.
        case cancel(WorkOrder.ID)
        /// Send the payload of an update from an offset on.
        case upload(UnjudgedUpdate, offset: Int)
        /// Remove an update from the outbox: its journey is over.
        case forget(UnjudgedUpdate)
        /// Remove an update that does not count from the outbox, and before it what the silo noted at its end.
        case disown(UnjudgedUpdate)
        /// Remove a payload that no order needs any more, be it here or still on its way.
        case discard(ContentDigest)
    }

    enum Stage: Hashable, Sendable {
        case waiting
        /// Its adapter is on the way. Can become `working`.
        case fetching
        case working
        /// Withdrawn while it was worked; gone when the work has stopped.
        case stopping
        /// Trained, in the outbox, and without a verdict.
        case trained(UnjudgedUpdate)
        /// Evaluated, and without a receipt.
        case evaluated(EvaluationReport)
        case failed(reason: String)

        var isUnderWay: Bool {
            switch self {
            case .fetching, .working, .stopping: true
            case .waiting, .trained, .evaluated, .failed: false
            }
        }

        var needsPayload: Bool { self == .waiting || isUnderWay }

        var isFailure: Bool {
            if case .failed = self { true } else { false }
        }
    }

    struct Task: Sendable {
        var order: WorkOrder
        var stage: Stage
        /// Whether the order came on the present connection, so that the server expects to hear of it.
        var isOrdered = false
        /// Whether its result was already said on the present connection.
        var isAnswered = false
        /// Whether the server was told that the work has failed.
        var isFailureTold = false
        /// Since when nobody has said that the work is wanted; `nil` while the server would withdraw it.
        var unconfirmedSince: ContinuousClock.Instant?

        /// When the work ends unless somebody confirms it; what is done waits for its verdict without a lease.
        var expiry: ContinuousClock.Instant? {
            guard stage.needsPayload, stage != .stopping else { return nil }
            return unconfirmedSince.map { $0 + order.assignment.lease }
        }
    }

    let limits: Limits
    var isConnected = false
    /// Everything owed, in order of arrival.
    var tasks: [Task] = []
    /// Downloaded payloads, the latest used last.
    var payloads: [ContentDigest] = []
    /// Payloads that the server was asked for on the present connection.
    var incoming: Set<ContentDigest> = []
    /// The largest payload that the server takes, as it said last.
    var payloadLimit = UInt64.max

    /// Bounds on what a server can make a silo do.
    package struct Limits: Hashable, Sendable {
        /// The largest rank that this silo trains.
        package var maximumRank: Int
        /// What the silo consents to.
        package var policy: SiloPolicy
        /// How many orders may wait; more are refused.
        package var maximumOrders: Int
        /// How many payloads are kept after the orders that needed them.
        package var cachedPayloads: Int
        /// How many failures are remembered.
        package var rememberedFailures: Int

        package init(
            maximumRank: Int,
            policy: SiloPolicy = .open,
            maximumOrders: Int = 64,
            cachedPayloads: Int = 2,
            rememberedFailures: Int = 16
        ) {
            self.maximumRank = maximumRank
            self.policy = policy
            self.maximumOrders = maximumOrders
            self.cachedPayloads = cachedPayloads
            self.rememberedFailures = rememberedFailures
        }
    }

    /// Creates the loop of a daemon that starts.
    ///
    /// - Parameters:
    ///   - outbox: The updates that an earlier process finished and nobody has judged.
    ///   - payloads: The downloaded payloads that lie complete on this machine, the latest used last.
    ///   - limits: What the silo agrees to.
    package init(outbox: [UnjudgedUpdate] = [], payloads: [ContentDigest] = [], limits: Limits) {
        self.limits = limits
        self.payloads = payloads
        self.tasks = outbox.map { Task(order: $0.order, stage: .trained($0)) }
    }

    // MARK: - What can be read

    /// The order that is fetched for, worked or being stopped.
    package var current: WorkOrder? { tasks.first { $0.stage.isUnderWay }?.order }

    /// How many orders wait for their turn.
    package var waitingCount: Int { tasks.count { $0.stage == .waiting } }

    /// The updates without a verdict.
    package var unjudged: [UnjudgedUpdate] {
        tasks.compactMap { if case .trained(let update) = $0.stage { update } else { nil } }
    }

    // MARK: - The connection

    /// Records that the server has let this client in: whatever it has not heard for sure is said again.
    ///
    /// - Parameter payloadLimit: The largest payload that the server takes, in bytes. An update above it is given up: the server
    ///   would part from whoever offers it, again and again.
    /// - Returns: What to do next.
    package mutating func welcomed(payloadLimit: UInt64 = .max) -> [Action] {
        isConnected = true
        self.payloadLimit = payloadLimit
        var actions: [Action] = []
        for index in tasks.indices {
            tasks[index].isOrdered = false
            tasks[index].isAnswered = false
            switch tasks[index].stage {
            case .trained(let update) where UInt64(update.adapter.byteCount) > payloadLimit:
                tasks[index].stage = .failed(reason: reason(whyTooLarge: update))
                actions.append(endUncounted(update))
            case .trained, .evaluated:
                actions += answer(at: index)
            case .fetching:
                actions += fetch(tasks[index].order.adapter)
            case .waiting, .working, .stopping, .failed:
                break
            }
        }
        return actions
    }

    /// Records that the connection is gone; work goes on.
    package mutating func disconnected() {
        isConnected = false
        incoming = []
    }

    // MARK: - What the server says

    /// Takes an order, which may be one that came before.
    ///
    /// One that has failed and comes again, although the server was told, is tried again: the round was given up and begins anew,
    /// and what was wrong here may have been mended.
    package mutating func received(_ order: WorkOrder) -> [Action] {
        guard let index = tasks.firstIndex(where: { $0.order.id == order.id && $0.stage != .stopping }) else {
            return take(order)
        }
        tasks[index].isOrdered = true
        guard tasks[index].order == order else {
            return replace(at: index, with: order)
        }
        if tasks[index].isFailureTold {
            tasks.remove(at: index)
            return take(order)
        }
        switch tasks[index].stage {
        case .waiting, .fetching, .working, .stopping:
            return say(.accept(order.id))
        case .trained, .evaluated:
            return say(.accept(order.id)) + answer(at: index)
        case .failed(let reason):
            return tellFailure(at: index, reason: reason)
        }
    }

    /// Gives up an order whose round is over, whatever has become of it.
    package mutating func withdrawn(_ id: WorkOrder.ID) -> [Action] {
        guard let index = tasks.firstIndex(where: { $0.order.id == id && $0.stage != .stopping }) else { return [] }
        return drop(at: index) + startNext()
    }

    /// Answers the server's wish for an update's payload.
    package func uploadRequested(_ id: WorkOrder.ID, digest: ContentDigest, offset: UInt64) -> [Action] {
        guard let update = unjudged.first(where: { $0.order.id == id && $0.adapter.digest == digest }),
            let offset = Int(exactly: offset), offset <= update.adapter.byteCount
        else { return [] }
        return [.upload(update, offset: offset)]
    }

    /// Ends the journey of an update, accepted or not.
    package mutating func judged(_ id: WorkOrder.ID, _ verdict: UpdateVerdict = .accepted) -> [Action] {
        guard let update = unjudged.first(where: { $0.order.id == id }) else { return [] }
        tasks.removeAll { $0.stage == .trained(update) }
        return [verdict == .accepted ? .forget(update) : endUncounted(update)]
    }

    /// Ends the journey of an evaluation.
    package mutating func recorded(_ id: WorkOrder.ID) {
        tasks.removeAll { task in
            guard task.order.id == id, case .evaluated = task.stage else { return false }
            return true
        }
    }

    // MARK: - Leases

    /// Takes note of when the events so far have come; to be called after each.
    package mutating func settle(at now: ContinuousClock.Instant) {
        for index in tasks.indices {
            let isConfirmed = isConnected && tasks[index].isOrdered
            tasks[index].unconfirmedSince = isConfirmed ? nil : tasks[index].unconfirmedSince ?? now
        }
    }

    /// When ``expired(at:)`` has something to do next; `nil` when nothing is held by a lease.
    package var nextExpiry: ContinuousClock.Instant? { tasks.compactMap(\.expiry).min() }

    /// The orders that nobody has confirmed for as long as their leases.
    package func expiredOrders(at now: ContinuousClock.Instant) -> [WorkOrder.ID] {
        tasks.filter { $0.expiry.map { $0 <= now } ?? false }.map(\.order.id)
    }

    /// Gives up what nobody has confirmed for as long as its lease.
    package mutating func expired(at now: ContinuousClock.Instant) -> [Action] {
        var actions: [Action] = []
        while let index = tasks.firstIndex(where: { $0.expiry.map { $0 <= now } ?? false }) {
            actions += drop(at: index)
        }
        return actions + startNext()
    }

    // MARK: - What becomes of the work

    /// Records that a payload lies complete and verified on this machine.
    package mutating func payloadArrived(_ digest: ContentDigest) -> [Action] {
        incoming.remove(digest)
        remember(digest)
        guard let index = tasks.firstIndex(where: { $0.stage == .fetching && $0.order.adapter.digest == digest })
        else { return trimPayloads() }
        tasks[index].stage = .working
        return [.work(tasks[index].order)]
    }

    /// Records that a payload cannot be brought here, for a `reason` that may leave the silo.
    package mutating func payloadFailed(_ digest: ContentDigest, reason: String) -> [Action] {
        incoming.remove(digest)
        guard let task = tasks.first(where: { $0.stage == .fetching && $0.order.adapter.digest == digest })
        else { return [] }
        return failed(task.order.id, reason: reason)
    }

    /// Records that the payload of the order that is worked is here no longer, or damaged: it is fetched again.
    package mutating func payloadLost(_ id: WorkOrder.ID) -> [Action] {
        guard let index = underWay(id) else { return [] }
        payloads.removeAll { $0 == tasks[index].order.adapter.digest }
        guard tasks[index].stage == .working else {
            tasks.remove(at: index)
            return startNext()
        }
        tasks[index].stage = .fetching
        return fetch(tasks[index].order.adapter)
    }

    /// Records that an update lies in the outbox.
    package mutating func finished(_ update: UnjudgedUpdate) -> [Action] {
        guard let index = underWay(update.order.id) else { return [endUncounted(update)] }
        guard tasks[index].stage == .working else {
            tasks.remove(at: index)
            return [endUncounted(update)] + startNext()
        }
        guard UInt64(update.adapter.byteCount) <= payloadLimit else {
            return [endUncounted(update)] + failed(update.order.id, reason: reason(whyTooLarge: update))
        }
        tasks[index].stage = .trained(update)
        return answer(at: index) + startNext()
    }

    /// Records what an evaluation measured.
    package mutating func evaluated(_ id: WorkOrder.ID, _ report: EvaluationReport) -> [Action] {
        guard let index = underWay(id) else { return [] }
        guard tasks[index].stage == .working else {
            tasks.remove(at: index)
            return startNext()
        }
        tasks[index].stage = .evaluated(report)
        return answer(at: index) + startNext()
    }

    /// Records that an order cannot be done, for a `reason` that may leave the silo.
    ///
    /// It is refused now, or when it comes again.
    package mutating func failed(_ id: WorkOrder.ID, reason: String) -> [Action] {
        guard let index = underWay(id) else { return [] }
        guard tasks[index].stage != .stopping else {
            tasks.remove(at: index)
            return startNext()
        }
        tasks[index].stage = .failed(reason: reason)
        return (tasks[index].isOrdered ? tellFailure(at: index, reason: reason) : []) + startNext()
    }

    /// Records that work has stopped without a result, because it was told to.
    package mutating func stopped(_ id: WorkOrder.ID) -> [Action] {
        guard let index = underWay(id) else { return [] }
        tasks.remove(at: index)
        return startNext()
    }
}
