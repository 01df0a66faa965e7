import ClientDaemon
import FederatedLearning
import TestSupport
import Testing

@Suite("TaskLoop")
struct TaskLoopTests {
    private let order = Sample.order()

    private func connectedLoop(
        outbox: [UnjudgedUpdate] = [],
        limits: TaskLoop.Limits = .init(maximumRank: 8)
    ) -> TaskLoop {
        var loop = TaskLoop(outbox: outbox, limits: limits)
        _ = loop.welcomed()
        return loop
    }

    /// A loop that works on `order`.
    private func workingLoop(on order: WorkOrder, limits: TaskLoop.Limits = .init(maximumRank: 8)) -> TaskLoop {
        var loop = connectedLoop(limits: limits)
        _ = loop.received(order)
        _ = loop.payloadArrived(order.adapter.digest)
        return loop
    }

    // MARK: - The straight way

    @Test("a training order goes from reply over payload, work and offer to its verdict")
    func trainsOnce() {
        var loop = connectedLoop()
        let update = Sample.update(of: order)
        #expect(loop.received(order) == [.send(.accept(order.id)), .fetch(order.adapter)])
        #expect(loop.current == order)
        #expect(loop.payloadArrived(order.adapter.digest) == [.work(order)])
        #expect(loop.finished(update) == [.send(.offer(update))])
        #expect(loop.current == nil)
        #expect(loop.unjudged == [update])
        #expect(
            loop.uploadRequested(order.id, digest: update.adapter.digest, offset: 400) == [.upload(update, offset: 400)]
        )
        #expect(loop.judged(order.id) == [.forget(update)])
        #expect(loop.unjudged.isEmpty)
    }

    @Test("an evaluation ends with its receipt")
    func evaluatesOnce() {
        var loop = connectedLoop()
        let order = Sample.order(kind: .evaluate, rank: 1000)
        #expect(loop.received(order) == [.send(.accept(order.id)), .fetch(order.adapter)])
        #expect(loop.payloadArrived(order.adapter.digest) == [.work(order)])
        #expect(loop.evaluated(order.id, Sample.report) == [.send(.report(order.id, Sample.report))])
        loop.recorded(order.id)
        #expect(loop.welcomed() == [])
    }

    @Test("orders are worked one at a time, in order of arrival")
    func worksInOrder() {
        var loop = workingLoop(on: order)
        let second = Sample.order(content: 2, job: JobID(rawValue: "another job"))
        let third = Sample.order(round: 2, kind: .evaluate, content: 1)
        #expect(loop.received(second) == [.send(.accept(second.id))])
        #expect(loop.received(third) == [.send(.accept(third.id))])
        #expect(loop.waitingCount == 2)
        let update = Sample.update(of: order)
        #expect(loop.finished(update) == [.send(.offer(update)), .fetch(second.adapter)])
        #expect(loop.payloadArrived(second.adapter.digest) == [.work(second)])
        // The third order's payload is here since the first.
        #expect(loop.failed(second.id, reason: "no") == [.send(.refuse(second.id, reason: "no")), .work(third)])
    }

    // MARK: - Orders that come again

    enum Stage: CaseIterable {
        case fetching, working, trained, evaluated, failed
    }

    @Test(
        "an order that comes again is answered by what has become of it, and never started twice",
        arguments: Stage.allCases
    )
    func orderComesAgain(stage: Stage) {
        var loop = connectedLoop()
        let order = Sample.order(kind: stage == .evaluated ? .evaluate : .train)
        let update = Sample.update(of: order)
        _ = loop.received(order)
        if stage != .fetching { _ = loop.payloadArrived(order.adapter.digest) }
        switch stage {
        case .fetching, .working: break
        case .trained: _ = loop.finished(update)
        case .evaluated: _ = loop.evaluated(order.id, Sample.report)
        case .failed: _ = loop.failed(order.id, reason: "no")
        }
        // The server knows of the failure, and wants another try.
        let answer: [TaskLoop.Action] = [.send(.accept(order.id))] + (stage == .failed ? [.work(order)] : [])
        #expect(loop.received(order) == answer, "on the same connection the result is not said twice")

        loop.disconnected()
        let resumed = loop.welcomed()
        switch stage {
        case .fetching: #expect(resumed == [.fetch(order.adapter)])
        case .working: #expect(resumed == [])
        case .failed:
            #expect(resumed == [])
            #expect(loop.failed(order.id, reason: "no") == [])
            #expect(loop.received(order) == [.send(.refuse(order.id, reason: "no"))], "of this one it does not know")
        case .trained: #expect(resumed == [.send(.offer(update))])
        case .evaluated: #expect(resumed == [.send(.report(order.id, Sample.report))])
        }
        #expect(loop.received(order) == answer)
    }

    @Test("an order that a restarted daemon finds in its outbox is offered and not trained again")
    func answersFromTheOutbox() {
        let update = Sample.update(of: order)
        var loop = TaskLoop(outbox: [update], limits: .init(maximumRank: 8))
        #expect(loop.welcomed() == [.send(.offer(update))])
        #expect(loop.received(order) == [.send(.accept(order.id))])
        #expect(loop.current == nil)
        #expect(loop.judged(order.id) == [.forget(update)])
    }

    @Test("the same number with other content replaces what was done or begun")
    func replacesChangedOrder() {
        let changed = Sample.order(content: 9)
        let update = Sample.update(of: order)
        var loop = connectedLoop(outbox: [update])
        #expect(
            loop.received(changed) == [.forget(update), .send(.accept(order.id)), .fetch(changed.adapter)]
        )

        loop = workingLoop(on: order)
        #expect(loop.received(changed) == [.cancel(order.id), .send(.accept(order.id))])
        #expect(loop.current == order, "the cancelled work is still on its threads")
        #expect(loop.stopped(order.id) == [.fetch(changed.adapter)])
        #expect(loop.current == changed)
    }

    @Test("the same number and adapter on other terms is judged by the policy as every order is")
    func judgesChangedTerms() {
        let policy = SiloPolicy(strategies: [order.assignment.strategy])
        var loop = connectedLoop(limits: .init(maximumRank: 8, policy: policy))
        #expect(loop.received(order) == [.send(.accept(order.id)), .fetch(order.adapter)])
        let (terms, id) = (order.assignment, order.id)
        let changed = WorkOrder(
            id: id,
            adapter: order.adapter,
            assignment: Assignment(
                jobName: terms.jobName,
                model: terms.model,
                modelDigest: terms.modelDigest,
                task: terms.task,
                labels: terms.labels,
                adapter: terms.adapter,
                training: terms.training,
                evaluation: terms.evaluation,
                seed: terms.seed,
                strategy: "another"
            )
        )
        let next = Sample.order(kind: .evaluate, content: 9)
        #expect(loop.received(next) == [.send(.accept(next.id))])
        let actions = loop.received(changed)
        #expect(actions.contains { if case .send(.object(id, _)) = $0 { true } else { false } })
        #expect(loop.payloadArrived(order.adapter.digest).allSatisfy { if case .work = $0 { false } else { true } })
        // Who waited behind it has its turn.
        #expect(actions.last == .fetch(next.adapter))
        #expect(loop.current == next)
    }

    // MARK: - Breaks

    @Test("work that ends without a connection is told after the next welcome")
    func finishesWhileAway() {
        var loop = workingLoop(on: order)
        loop.disconnected()
        let update = Sample.update(of: order)
        #expect(loop.finished(update) == [])
        #expect(loop.welcomed() == [.send(.offer(update))])
    }

    @Test("a failure without a connection is told when the order comes again")
    func failsWhileAway() {
        var loop = workingLoop(on: order)
        loop.disconnected()
        #expect(loop.failed(order.id, reason: "no") == [])
        #expect(loop.welcomed() == [])
        #expect(loop.received(order) == [.send(.refuse(order.id, reason: "no"))])
    }

    @Test("half a payload is kept for an order that still needs it, and discarded with one that is withdrawn")
    func keepsHalfPayloads() {
        var loop = connectedLoop()
        _ = loop.received(order)
        loop.disconnected()
        #expect(loop.welcomed() == [.fetch(order.adapter)])
        #expect(loop.withdrawn(order.id) == [.discard(order.adapter.digest)])
        loop.disconnected()
        #expect(loop.welcomed() == [])
    }

    @Test("a payload that is on its way is not asked for twice")
    func asksOncePerConnection() {
        var loop = connectedLoop()
        let other = Sample.order(kind: .evaluate)
        _ = loop.received(order)
        _ = loop.received(other)
        #expect(loop.withdrawn(order.id) == [], "the evaluation needs the same payload")
        #expect(loop.current == other)
        #expect(loop.payloadArrived(order.adapter.digest) == [.work(other)])
    }

    @Test("an update that is larger than the server takes is given up, when it is finished and after a welcome")
    func tooLarge() {
        let update = Sample.update(of: order)
        let limit = UInt64(update.adapter.byteCount)
        let reason = """
            The update has \(limit) bytes, and the server takes \(limit - 1). Lower the rank, or raise `payload_mebibytes` in the \
            server's configuration.
            """
        var loop = workingLoop(on: order)
        loop.disconnected()
        _ = loop.welcomed(payloadLimit: limit - 1)
        _ = loop.received(order)
        #expect(loop.finished(update) == [.forget(update), .send(.refuse(order.id, reason: reason))])

        var kept = TaskLoop(outbox: [update], limits: .init(maximumRank: 8))
        #expect(kept.welcomed(payloadLimit: limit) == [.send(.offer(update))])
        kept.disconnected()
        #expect(kept.welcomed(payloadLimit: limit - 1) == [.forget(update)])
        #expect(kept.received(order) == [.send(.refuse(order.id, reason: reason))])
    }

    @Test("a failure is only told on a connection on which the order came")
    func failsBeforeTheOrderComesAgain() {
        var loop = workingLoop(on: order)
        loop.disconnected()
        _ = loop.welcomed()
        #expect(loop.failed(order.id, reason: "no") == [])
        #expect(loop.received(order) == [.send(.refuse(order.id, reason: "no"))])
    }

    // MARK: - Withdrawals

    @Test("a withdrawn order is cancelled, and its late result is dropped")
    func withdraws() {
        var loop = workingLoop(on: order)
        let next = Sample.order(content: 2, job: JobID(rawValue: "another job"))
        _ = loop.received(next)
        #expect(loop.withdrawn(order.id) == [.cancel(order.id)])
        #expect(loop.withdrawn(order.id) == [])
        // The training was past its last step when it was told to stop.
        let update = Sample.update(of: order)
        #expect(loop.finished(update) == [.forget(update), .fetch(next.adapter)])
        #expect(loop.unjudged.isEmpty)
    }

    @Test("withdrawing a finished order empties the outbox")
    func withdrawsFinished() {
        let update = Sample.update(of: order)
        var loop = connectedLoop(outbox: [update])
        #expect(loop.withdrawn(order.id) == [.forget(update)])
        #expect(loop.judged(order.id) == [], "the verdict that crossed the withdrawal changes nothing")
    }

    @Test("an update that is not counted takes what was noted of it along, where control variates advance with it")
    func disowns() {
        let rules = LocalRules(usesControlVariates: true)
        let assignment = Assignment(job: .sample(), modelDigest: .sampleModel, rules: rules)
        let corrected = WorkOrder(id: order.id, adapter: order.adapter, assignment: assignment)
        let update = Sample.update(of: corrected)
        var loop = connectedLoop(outbox: [update])
        #expect(loop.judged(order.id, .accepted) == [.forget(update)])
        loop = connectedLoop(outbox: [update])
        #expect(loop.judged(order.id, .rejected(reason: "late")) == [.disown(update)])
        loop = connectedLoop(outbox: [update])
        #expect(loop.withdrawn(order.id) == [.disown(update)])
        loop = workingLoop(on: corrected)
        _ = loop.withdrawn(order.id)
        #expect(loop.finished(update) == [.disown(update)])
        // A personal head is the silo's own, counted or not.
        let plain = Sample.update(of: order)
        loop = connectedLoop(outbox: [plain])
        #expect(loop.judged(order.id, .rejected(reason: "late")) == [.forget(plain)])
    }

    @Test("a failure after a withdrawal is not told")
    func failsAfterWithdrawal() {
        var loop = workingLoop(on: order)
        _ = loop.withdrawn(order.id)
        #expect(loop.failed(order.id, reason: "no") == [])
        #expect(loop.current == nil)
    }

    // MARK: - Limits

    @Test("an order above the silo's rank is refused with both ranks")
    func refusesRank() {
        var loop = connectedLoop()
        let order = Sample.order(rank: 9)
        let reason = "The order has rank 9; this silo trains at most 8."
        #expect(loop.received(order) == [.send(.refuse(order.id, reason: reason))])
        #expect(loop.current == nil)
    }

    @Test("a flood of orders is refused, not queued")
    func refusesFloods() {
        var loop = connectedLoop(limits: .init(maximumRank: 8, maximumOrders: 3))
        for job in ["a", "b", "c"] { _ = loop.received(Sample.order(job: JobID(rawValue: job))) }
        let extra = Sample.order(round: 4)
        #expect(loop.received(extra) == [.send(.refuse(extra.id, reason: "3 orders already wait here."))])
    }

    @Test("failures are forgotten when their job moves on, so that they do not fill the list")
    func forgetsFailures() {
        var loop = connectedLoop(limits: .init(maximumRank: 8, maximumOrders: 2))
        for round in 1...10 {
            let order = Sample.order(round: round)
            let actions = loop.received(order)
            #expect(actions.contains(.send(.accept(order.id))), "round \(round)")
            _ = loop.payloadArrived(order.adapter.digest)
            _ = loop.failed(order.id, reason: "no")
        }
    }

    @Test("payloads of finished rounds are discarded, the two latest kept")
    func discardsOldPayloads() {
        var loop = connectedLoop()
        var discarded: [ContentDigest] = []
        for round in 1...5 {
            let order = Sample.order(round: round, content: UInt8(round))
            let update = Sample.update(of: order)
            let actions =
                loop.received(order) + loop.payloadArrived(order.adapter.digest) + loop.finished(update)
                + loop.judged(order.id)
            for case .discard(let digest) in actions { discarded.append(digest) }
        }
        #expect(discarded == (1...3).map { ContentDigest(hashing: [UInt8($0)]) })
    }

    @Test("payloads that an earlier process left are used, or discarded in their turn")
    func usesLeftPayloads() {
        let left = (0..<5).map { ContentDigest(hashing: [UInt8($0)]) }
        var loop = TaskLoop(payloads: left, limits: .init(maximumRank: 8))
        _ = loop.welcomed()
        let order = Sample.order(content: 1)
        let actions = loop.received(order)
        #expect(
            actions == [.send(.accept(order.id)), .work(order), .discard(left[0]), .discard(left[2])],
            "1 is in use, 3 and 4 are the latest"
        )
    }

    @Test(
        "an upload is only started for an update that is here, from an offset inside it",
        arguments: [(UInt64(1001), false), (UInt64.max, false), (UInt64(1000), true), (UInt64(0), true)]
    )
    func checksUploadRequests(offset: UInt64, starts: Bool) {
        let update = Sample.update(of: order)
        let loop = connectedLoop(outbox: [update])
        #expect(
            loop.uploadRequested(order.id, digest: update.adapter.digest, offset: offset).isEmpty == !starts
        )
        #expect(loop.uploadRequested(order.id, digest: order.adapter.digest, offset: 0) == [])
        #expect(loop.uploadRequested(Sample.order(round: 7).id, digest: update.adapter.digest, offset: 0) == [])
    }

    @Test("what belongs to no order here changes nothing")
    func ignoresStrays() {
        var loop = connectedLoop()
        let update = Sample.update(of: order)
        #expect(loop.judged(order.id) == [])
        #expect(loop.withdrawn(order.id) == [])
        #expect(loop.stopped(order.id) == [])
        #expect(loop.failed(order.id, reason: "no") == [])
        #expect(loop.evaluated(order.id, Sample.report) == [])
        #expect(loop.payloadFailed(order.adapter.digest, reason: "no") == [])
        #expect(loop.finished(update) == [.forget(update)])
    }
}
