import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct RoundStateMachineTests {
    private static let a: ClientID = "a"
    private static let b: ClientID = "b"
    private static let c: ClientID = "c"
    private let everybody: Set<ClientID> = [a, b, c]

    private func machine(
        size: Int = 3,
        minimum: Int = 2,
        accepted: [UpdateOffer] = [],
        deadline: Duration = .seconds(10),
        patienceEnd: Duration? = nil,
        replacesLost: Bool = false
    ) -> RoundStateMachine {
        let cohort = [Self.a, Self.b, Self.c].map { CohortMember(client: $0, adapter: .sample(0)) }
        return RoundStateMachine(
            job: .sample,
            round: .init(
                number: 4,
                cohort: cohort,
                accepted: Dictionary(uniqueKeysWithValues: accepted.map { ($0.client, $0) })
            ),
            size: size,
            minimum: minimum,
            deadline: deadline,
            patienceEnd: patienceEnd,
            replacesLost: replacesLost
        )
    }

    /// Has a client deliver, and returns what follows from its acceptance.
    private func deliver(_ client: ClientID, to machine: inout RoundStateMachine) -> [RoundStateMachine.Action] {
        _ = machine.offered(offer(client))
        return Array(machine.inspected(offer(client), nil).dropFirst(2))
    }

    // MARK: - Rounds that end early

    @Test("closes with the minimum when its patience is over")
    func patience() {
        var machine = machine(patienceEnd: .seconds(5))
        _ = machine.start(present: everybody)
        #expect(deliver(Self.a, to: &machine) == [])
        #expect(deliver(Self.b, to: &machine) == [])
        #expect(machine.reached(.seconds(4)) == [])
        #expect(machine.reached(.seconds(5)) == [.withdraw(Self.c, reason: enough), .close([Self.a, Self.b])])
    }

    @Test("waits for the minimum when its patience is over, and no longer")
    func patienceBelowMinimum() {
        var machine = machine(patienceEnd: .seconds(5))
        _ = machine.start(present: everybody)
        #expect(deliver(Self.a, to: &machine) == [])
        #expect(machine.reached(.seconds(6)) == [])
        #expect(deliver(Self.c, to: &machine) == [.withdraw(Self.b, reason: enough), .close([Self.a, Self.c])])
    }

    @Test("has another client take the part of one that failed, once")
    func failureIsReplaced() {
        var machine = machine(replacesLost: true)
        _ = machine.start(present: everybody)
        let order = WorkOrder.ID(job: .sample, round: 4, kind: .train)
        #expect(machine.failed(Self.a, order: order, reason: "no disk") == [.replace(Self.a)])
        #expect(machine.replaced(Self.a, by: "d") == [.order("d")])
        #expect(deliver(Self.b, to: &machine) == [])
        #expect(deliver(Self.c, to: &machine) == [])
        #expect(deliver("d", to: &machine) == [.close([Self.b, Self.c, "d"])])
    }

    @Test("replaces who vanished, and takes its update all the same when it comes first")
    func vanishedComesBack() {
        var machine = machine(replacesLost: true)
        _ = machine.start(present: everybody)
        #expect(machine.vanished(Self.a) == [])
        machine.departed(Self.a)
        #expect(machine.vanished(Self.a) == [.replace(Self.a)])
        #expect(machine.replaced(Self.a, by: "d") == [.order("d")])
        #expect(machine.vanished(Self.a) == [])
        #expect(machine.arrived(Self.a) == [.order(Self.a)])
        _ = deliver(Self.a, to: &machine)
        _ = deliver(Self.b, to: &machine)
        #expect(
            deliver(Self.c, to: &machine) == [.withdraw("d", reason: enough), .close([Self.a, Self.b, Self.c])]
        )
    }

    @Test("gives a vacant part to the next client that arrives")
    func vacancy() {
        var machine = machine(replacesLost: true)
        _ = machine.start(present: everybody)
        machine.departed(Self.a)
        #expect(machine.vanished(Self.a) == [.replace(Self.a)])
        #expect(machine.replaced(Self.a, by: nil) == [])
        #expect(machine.arrived("d") == [.replace(Self.a)])
        #expect(machine.replaced(Self.a, by: "d") == [.order("d")])
        #expect(machine.arrived("e") == [])
    }

    @Test("replaces nobody while enough others are there")
    func overselectedNeedsNoReplacement() {
        var machine = machine(size: 2, replacesLost: true)
        _ = machine.start(present: everybody)
        machine.departed(Self.a)
        #expect(machine.vanished(Self.a) == [])
    }

    @Test("is given up when nobody is left and nobody takes the part")
    func nobodyTakesThePart() {
        var machine = machine(size: 3, minimum: 3, replacesLost: true)
        _ = machine.start(present: everybody)
        let order = WorkOrder.ID(job: .sample, round: 4, kind: .train)
        _ = deliver(Self.b, to: &machine)
        _ = deliver(Self.c, to: &machine)
        #expect(machine.failed(Self.a, order: order, reason: "no disk") == [.replace(Self.a)])
        guard case .abandon? = machine.replaced(Self.a, by: nil).last else {
            Issue.record("the round goes on")
            return
        }
    }

    private func offer(_ client: ClientID, _ content: UInt8 = 1, round: Int = 4) -> UpdateOffer {
        .sample(client, round: round, content: content)
    }

    private let over = "Round 4 is over. Drop the update and wait for the next order."
    private let enough = "Round 4 has the updates it needs."

    // MARK: - The undisturbed round

    @Test("orders from everybody who is there, in sorted order, and records what is offered before it answers")
    func undisturbed() {
        var machine = machine()
        #expect(machine.start(present: everybody) == [.order(Self.a), .order(Self.b), .order(Self.c)])
        for client in [Self.b, Self.c] {
            #expect(machine.offered(offer(client)) == [.inspect(offer(client))])
            #expect(
                machine.inspected(offer(client), nil) == [.record(offer(client)), .answer(offer(client), .accepted)]
            )
        }
        #expect(machine.offered(offer(Self.a)) == [.inspect(offer(Self.a))])
        #expect(
            machine.inspected(offer(Self.a), nil) == [
                .record(offer(Self.a)), .answer(offer(Self.a), .accepted), .close([Self.a, Self.b, Self.c]),
            ]
        )
    }

    @Test("closes with the first `size` updates of an over-selected cohort and withdraws the rest")
    func overselection() {
        var machine = machine(size: 2)
        _ = machine.start(present: everybody)
        _ = machine.offered(offer(Self.c))
        _ = machine.inspected(offer(Self.c), nil)
        _ = machine.offered(offer(Self.a))
        #expect(
            machine.inspected(offer(Self.a), nil) == [
                .record(offer(Self.a)), .answer(offer(Self.a), .accepted), .withdraw(Self.b, reason: enough),
                .close([Self.a, Self.c]),
            ]
        )
        #expect(machine.offered(offer(Self.b)) == [.answer(offer(Self.b), .rejected(reason: over))])
        #expect(machine.arrived(Self.b).isEmpty)
        #expect(machine.reached(.seconds(11)).isEmpty)
    }

    // MARK: - Resuming

    @Test("goes on after a crash with what was accepted, and orders only the rest")
    func resumes() {
        var machine = machine(accepted: [offer(Self.a), offer(Self.c)])
        #expect(machine.start(present: everybody) == [.order(Self.b)])
        #expect(machine.offered(offer(Self.a)) == [.answer(offer(Self.a), .accepted)])
        _ = machine.offered(offer(Self.b))
        #expect(
            machine.inspected(offer(Self.b), nil) == [
                .record(offer(Self.b)), .answer(offer(Self.b), .accepted), .close([Self.a, Self.b, Self.c]),
            ]
        )
    }

    @Test("closes at once when a crash came between the last update and the aggregation")
    func resumesComplete() {
        var machine = machine(accepted: [offer(Self.a), offer(Self.b), offer(Self.c)])
        #expect(machine.start(present: []) == [.close([Self.a, Self.b, Self.c])])
    }

    @Test("orders again from whoever comes back, and from who was away at the start")
    func returning() {
        var machine = machine()
        #expect(machine.start(present: [Self.a]) == [.order(Self.a)])
        #expect(machine.arrived(Self.b) == [.order(Self.b)])
        machine.departed(Self.a)
        #expect(machine.arrived(Self.a) == [.order(Self.a)])
        #expect(machine.arrived("stranger").isEmpty)
        _ = machine.offered(offer(Self.a))
        #expect(machine.arrived(Self.a).isEmpty)
        _ = machine.inspected(offer(Self.a), nil)
        #expect(machine.arrived(Self.a).isEmpty)
    }

    // MARK: - Duplicates and strangers

    @Test("answers the same update again with accepted, and another of the same client with the reason")
    func duplicates() {
        var machine = machine()
        _ = machine.start(present: everybody)
        _ = machine.offered(offer(Self.a))
        #expect(machine.offered(offer(Self.a)).isEmpty)
        let other = offer(Self.a, 2)
        let beingChecked = UpdateRejection.beingChecked(offer(Self.a).adapter.digest)
        #expect(machine.offered(other) == [.answer(other, .rejected(reason: beingChecked.description))])
        _ = machine.inspected(offer(Self.a), nil)
        #expect(machine.offered(offer(Self.a)) == [.answer(offer(Self.a), .accepted)])
        let differs = UpdateRejection.differsFromAccepted(offer(Self.a).adapter.digest)
        #expect(machine.offered(other) == [.answer(other, .rejected(reason: differs.description))])
    }

    @Test("rejects an update of another round, of another job, and of a client outside the cohort")
    func strangers() {
        var machine = machine()
        _ = machine.start(present: everybody)
        let early = offer(Self.a, round: 5)
        guard case .answer(early, .rejected(let reason))? = machine.offered(early).first else {
            Issue.record("an update of another round was not rejected")
            return
        }
        #expect(reason.contains("round 5") && reason.contains("round 4"))
        let stranger = offer("stranger")
        let expected = UpdateRejection.notInCohort("stranger", round: 4)
        #expect(machine.offered(stranger) == [.answer(stranger, .rejected(reason: expected.description))])
    }

    // MARK: - Losses

    @Test("tells a client why its update is not used, and closes without it when the minimum is met")
    func rejectedUpdate() {
        var machine = machine()
        _ = machine.start(present: everybody)
        for client in [Self.a, Self.b] {
            _ = machine.offered(offer(client))
            _ = machine.inspected(offer(client), nil)
        }
        _ = machine.offered(offer(Self.c))
        let rejection = UpdateRejection.tensors(reason: "'x' holds NaN.")
        #expect(
            machine.inspected(offer(Self.c), rejection) == [
                .answer(offer(Self.c), .rejected(reason: rejection.description)), .close([Self.a, Self.b]),
            ]
        )
    }

    @Test("gives a client whose update was rejected no second try in the round")
    func rejectedTwice() {
        var machine = machine()
        _ = machine.start(present: everybody)
        _ = machine.offered(offer(Self.c))
        let rejection = UpdateRejection.tensors(reason: "'x' holds NaN.")
        _ = machine.inspected(offer(Self.c), rejection)
        let again = UpdateRejection.rejectedBefore(reason: rejection.description)
        for content in [1, 2] as [UInt8] {
            let offer = offer(Self.c, content)
            #expect(machine.offered(offer) == [.answer(offer, .rejected(reason: again.description))])
        }
        #expect(machine.arrived(Self.c).isEmpty)
        guard case .abandon(let reason)? = machine.reached(.seconds(10)).last else {
            Issue.record("the round was not given up")
            return
        }
        #expect(reason.contains("the update of 'c' was rejected (The update does not fit the order: 'x' holds NaN.)"))
    }

    @Test("gives up as soon as nobody is left to wait for, naming each client's reason")
    func allFailed() {
        var machine = machine()
        _ = machine.start(present: everybody)
        let order = WorkOrder.ID(job: .sample, round: 4, kind: .train)
        #expect(machine.failed(Self.a, order: order, reason: "disk full").isEmpty)
        #expect(machine.failed(Self.b, order: order, reason: "no\ndata").isEmpty)
        _ = machine.offered(offer(Self.c))
        let actions = machine.inspected(offer(Self.c), nil)
        #expect(
            actions.last
                == .abandon(
                    reason: """
                        Round 4 had 1 of at least 2 updates when nobody was left to wait for: 'a' failed (disk full), \
                        'b' failed (no data).
                        """
                )
        )
        #expect(machine.failed(Self.c, order: order, reason: "late").isEmpty)
    }

    @Test("takes an update from a client that said it had failed")
    func failedThenDelivers() {
        var machine = machine()
        _ = machine.start(present: everybody)
        _ = machine.failed(Self.a, order: .init(job: .sample, round: 4, kind: .train), reason: "interrupted")
        #expect(machine.arrived(Self.a).isEmpty)
        #expect(machine.offered(offer(Self.a)) == [.inspect(offer(Self.a))])
        #expect(machine.inspected(offer(Self.a), nil).contains(.record(offer(Self.a))))
    }

    @Test("ignores a failure that is about another order")
    func failureOfAnotherOrder() {
        var machine = machine()
        _ = machine.start(present: everybody)
        let before = machine
        #expect(machine.failed(Self.a, order: .init(job: .sample, round: 4, kind: .evaluate), reason: "x").isEmpty)
        #expect(machine.failed(Self.a, order: .init(job: .sample, round: 3, kind: .train), reason: "x").isEmpty)
        #expect(machine == before)
    }

    // MARK: - The deadline

    @Test("closes at the deadline with the minimum, and not before")
    func deadlineWithMinimum() {
        var machine = machine()
        _ = machine.start(present: everybody)
        for client in [Self.a, Self.b] {
            _ = machine.offered(offer(client))
            _ = machine.inspected(offer(client), nil)
        }
        #expect(machine.reached(.seconds(10) - .nanoseconds(1)).isEmpty)
        #expect(machine.reached(.seconds(10)) == [.withdraw(Self.c, reason: enough), .close([Self.a, Self.b])])
        #expect(machine.reached(.seconds(10)).isEmpty)
    }

    @Test("gives up at the deadline below the minimum, saying who was missing")
    func deadlineBelowMinimum() {
        var machine = machine()
        _ = machine.start(present: [Self.a, Self.b])
        _ = machine.offered(offer(Self.a))
        _ = machine.inspected(offer(Self.a), nil)
        let reason = """
            Round 4 had 1 of at least 2 updates when its deadline passed: 'b' had not delivered, 'c' was away.
            """
        #expect(
            machine.reached(.seconds(12)) == [
                .withdraw(Self.b, reason: "Round 4 was given up."), .withdraw(Self.c, reason: "Round 4 was given up."),
                .abandon(reason: reason),
            ]
        )
    }

    @Test("rejects an update whose check ends after the round")
    func checkedTooLate() {
        var machine = machine(minimum: 1)
        _ = machine.start(present: everybody)
        _ = machine.offered(offer(Self.a))
        _ = machine.inspected(offer(Self.a), nil)
        _ = machine.offered(offer(Self.b))
        #expect(machine.reached(.seconds(10)).last == .close([Self.a]))
        #expect(machine.inspected(offer(Self.b), nil) == [.answer(offer(Self.b), .rejected(reason: over))])
    }

    @Test("withdraws every order of a cancelled job")
    func cancelled() {
        var machine = machine()
        _ = machine.start(present: everybody)
        _ = machine.offered(offer(Self.a))
        _ = machine.inspected(offer(Self.a), nil)
        let reason = "The job was cancelled."
        #expect(
            machine.cancelled() == [.withdraw(Self.b, reason: reason), .withdraw(Self.c, reason: reason), .cancel]
        )
        #expect(machine.reached(.seconds(100)).isEmpty)
    }

    @Test("takes a cohort of ten thousand", .timeLimit(.minutes(1)))
    func largeCohort() {
        let clients = (0..<10_000).map { ClientID("silo-\($0)") }
        let round = RunState.OpenRound(
            number: 4,
            cohort: clients.map { CohortMember(client: $0, adapter: .sample(0)) }
        )
        var machine = RoundStateMachine(
            job: .sample,
            round: round,
            size: clients.count,
            minimum: 1,
            deadline: .seconds(10)
        )
        #expect(machine.start(present: Set(clients)).count == clients.count)
        var last: [RoundStateMachine.Action] = []
        for client in clients {
            _ = machine.offered(offer(client))
            last = machine.inspected(offer(client), nil)
        }
        #expect(last.last == .close(clients.sorted()))
    }

    // MARK: - Every order of events

    /// Walks every state that any order of events reaches and checks the rules in each.
    @Test("keeps its promises in every order of events", arguments: [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3)])
    func exploration(size: Int, minimum: Int) {
        struct Node: Hashable {
            var machine: RoundStateMachine
            var recorded: [ClientID: ContentDigest] = [:]
            var closed: [ClientID]?
            var abandoned = false
        }
        let id = WorkOrder.ID(job: .sample, round: 4, kind: .train)
        let clients = [Self.a, Self.b, Self.c]
        let rejection = UpdateRejection.tensors(reason: "bad")
        typealias Event = (inout RoundStateMachine) -> [RoundStateMachine.Action]
        var events: [Event] = [{ $0.reached(.seconds(10)) }, { $0.reached(.seconds(9)) }]
        for client in clients {
            let offers = [offer(client, 1), offer(client, 2)]
            events += [
                { $0.arrived(client) },
                { machine in
                    machine.departed(client)
                    return []
                },
                { $0.failed(client, order: id, reason: "x") },
            ]
            for offer in offers {
                events += [{ $0.offered(offer) }, { $0.inspected(offer, nil) }, { $0.inspected(offer, rejection) }]
            }
        }
        var first = Node(machine: machine(size: size, minimum: minimum))
        _ = first.machine.start(present: everybody)
        var seen: Set<Node> = [first]
        var queue = [first]
        while let node = queue.popLast() {
            for event in events {
                var next = node
                for action in event(&next.machine) {
                    switch action {
                    case .record(let offer):
                        #expect(next.recorded[offer.client] == nil, "counted twice")
                        #expect(next.closed == nil && !next.abandoned, "recorded after the end")
                        next.recorded[offer.client] = offer.adapter.digest
                    case .answer(let offer, .accepted):
                        #expect(next.recorded[offer.client] == offer.adapter.digest, "acknowledged without a record")
                    case .close(let accepted):
                        #expect(next.closed == nil && !next.abandoned, "ended twice")
                        #expect(accepted == next.recorded.keys.sorted())
                        #expect(accepted.count >= minimum)
                        next.closed = accepted
                    case .abandon:
                        #expect(next.closed == nil && !next.abandoned, "ended twice")
                        #expect(next.recorded.count < minimum)
                        next.abandoned = true
                    case .order, .inspect, .replace:
                        #expect(next.closed == nil && !next.abandoned, "asked for work after the end")
                    case .answer(_, .rejected), .withdraw, .cancel:
                        break
                    }
                }
                #expect(next.closed != nil || next.recorded.count < size, "goes on although enough is in")
                if seen.insert(next).inserted { queue.append(next) }
            }
            var ended = node
            let isOver = node.closed != nil || node.abandoned
            #expect(ended.machine.reached(.seconds(10)).isEmpty == isOver, "the deadline ends every open round")
        }
        #expect(seen.count > 100)
    }
}
