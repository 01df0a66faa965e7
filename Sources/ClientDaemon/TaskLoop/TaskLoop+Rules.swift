import FederatedLearning

// What follows from events: which order is worked next, what is said, and which payloads are kept.

extension TaskLoop {
    mutating func take(_ order: WorkOrder) -> [Action] {
        forgetFailures(before: order.id)
        if let objection = limits.policy.objection(to: order) { return say(.object(order.id, reason: objection)) }
        if order.id.kind == .train, order.adapter.rank > limits.maximumRank {
            return say(
                .refuse(
                    order.id,
                    reason: "The order has rank \(order.adapter.rank); this silo trains at most \(limits.maximumRank)."
                )
            )
        }
        guard tasks.count < limits.maximumOrders else {
            return say(.refuse(order.id, reason: "\(tasks.count) orders already wait here."))
        }
        let overtaken = dropOvertaken(by: order.id)
        tasks.append(Task(order: order, stage: .waiting, isOrdered: true))
        return say(.accept(order.id)) + overtaken + startNext()
    }

    /// Gives up the training of earlier rounds of the same job: they are over when a later one is open.
    private mutating func dropOvertaken(by id: WorkOrder.ID) -> [Action] {
        guard id.kind == .train else { return [] }
        var actions: [Action] = []
        while let index = tasks.firstIndex(where: { task in
            task.order.id.job == id.job && task.order.id.kind == .train && task.order.id.round < id.round
                && task.stage.needsPayload && task.stage != .stopping
        }) {
            actions += drop(at: index)
        }
        return actions
    }

    /// The number is the same but the work is not: the round was opened anew with other content.
    mutating func replace(at index: Int, with order: WorkOrder) -> [Action] {
        // What the silo has not consented to is refused, whatever it takes the place of.
        let isPayloadWanted = tasks[index].stage == .fetching && tasks[index].order.adapter == order.adapter
        guard isPayloadWanted, limits.policy.objection(to: order) == nil else {
            // What is refused takes no turn: whoever waited behind it is next.
            return drop(at: index) + take(order) + startNext()
        }
        tasks[index].order = order
        return say(.accept(order.id))
    }

    mutating func drop(at index: Int) -> [Action] {
        switch tasks[index].stage {
        case .waiting, .evaluated, .failed:
            tasks.remove(at: index)
            return []
        case .fetching:
            let digest = tasks.remove(at: index).order.adapter.digest
            guard !neededPayloads.contains(digest) else { return [] }
            incoming.remove(digest)
            return [.discard(digest)]
        case .working:
            tasks[index].stage = .stopping
            return [.cancel(tasks[index].order.id)]
        case .stopping:
            return []
        case .trained(let update):
            tasks.remove(at: index)
            return [endUncounted(update)]
        }
    }

    /// Ends the journey of an update that the server does not count.
    func endUncounted(_ update: UnjudgedUpdate) -> Action {
        update.movesControls ? .disown(update) : .forget(update)
    }

    /// Lets the longest waiting order begin when nothing is under way.
    mutating func startNext() -> [Action] {
        guard !tasks.contains(where: { $0.stage.isUnderWay }),
            let index = tasks.firstIndex(where: { $0.stage == .waiting })
        else { return trimPayloads() }
        let order = tasks[index].order
        if payloads.contains(order.adapter.digest) {
            remember(order.adapter.digest)
            tasks[index].stage = .working
            return [.work(order)] + trimPayloads()
        }
        tasks[index].stage = .fetching
        return fetch(order.adapter) + trimPayloads()
    }

    /// Asks for a payload, unless it is on its way or nobody can be asked.
    mutating func fetch(_ adapter: AdapterReference) -> [Action] {
        guard isConnected, incoming.insert(adapter.digest).inserted else { return [] }
        return [.fetch(adapter)]
    }

    func say(_ message: TaskMessage) -> [Action] {
        isConnected ? [.send(message)] : []
    }

    /// Says the result of a task, once a connection.
    mutating func answer(at index: Int) -> [Action] {
        guard isConnected, !tasks[index].isAnswered else { return [] }
        switch tasks[index].stage {
        case .trained(let update):
            tasks[index].isAnswered = true
            return [.send(.offer(update))]
        case .evaluated(let report):
            tasks[index].isAnswered = true
            return [.send(.report(tasks[index].order.id, report))]
        case .waiting, .fetching, .working, .stopping, .failed:
            return []
        }
    }

    /// Refuses an order whose work has failed.
    mutating func tellFailure(at index: Int, reason: String) -> [Action] {
        tasks[index].isFailureTold = isConnected
        return say(.refuse(tasks[index].order.id, reason: reason))
    }

    func reason(whyTooLarge update: UnjudgedUpdate) -> String {
        """
        The update has \(update.adapter.byteCount) bytes, and the server takes \(payloadLimit). Lower the rank, or raise \
        `payload_mebibytes` in the server's configuration.
        """
    }

    func underWay(_ id: WorkOrder.ID) -> Int? {
        tasks.firstIndex { $0.order.id == id && $0.stage.isUnderWay }
    }

    /// A failure is remembered until its job has moved on, or too many others have followed.
    private mutating func forgetFailures(before id: WorkOrder.ID) {
        tasks.removeAll { $0.stage.isFailure && $0.order.id.job == id.job && $0.order.id.round < id.round }
        let excess = tasks.count { $0.stage.isFailure } - limits.rememberedFailures
        for _ in 0..<max(0, excess) {
            guard let oldest = tasks.firstIndex(where: \.stage.isFailure) else { return }
            tasks.remove(at: oldest)
        }
    }

    private var neededPayloads: Set<ContentDigest> {
        Set(tasks.lazy.filter(\.stage.needsPayload).map(\.order.adapter.digest))
    }

    mutating func remember(_ digest: ContentDigest) {
        payloads.removeAll { $0 == digest }
        payloads.append(digest)
    }

    /// Lets go of all payloads but those that orders need and the few latest.
    mutating func trimPayloads() -> [Action] {
        let needed = neededPayloads
        let idle = payloads.filter { !needed.contains($0) }
        let excess = Set(idle.dropLast(limits.cachedPayloads))
        guard !excess.isEmpty else { return [] }
        payloads.removeAll { excess.contains($0) }
        return idle.filter(excess.contains).map(Action.discard)
    }
}
