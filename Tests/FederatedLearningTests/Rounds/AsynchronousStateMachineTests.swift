import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct AsynchronousStateMachineTests {
    private typealias Machine = AsynchronousStateMachine
    private typealias Action = AsynchronousStateMachine.Action

    private let deadline = Duration.seconds(60)

    private func machine(
        _ progress: AsynchronousProgress = .init(),
        version: Int = 0,
        spent: Set<ClientID> = [],
        buffer: Int = 2,
        maximumStaleness: Int = 20,
        size: Int = 2,
        steps: Int = 10,
        gatheringEnd: Duration = .zero
    ) -> Machine {
        Machine(
            job: .sample,
            progress: progress,
            version: version,
            spent: spent,
            configuration: .init(buffer: buffer, maximumStaleness: maximumStaleness),
            size: size,
            steps: steps,
            deadline: deadline,
            patience: .seconds(600),
            gatheringEnd: gatheringEnd,
            now: .zero
        )
    }

    /// Offers the update of a task and lets it pass.
    private func deliver(_ machine: inout Machine, _ client: ClientID, _ number: Int) -> [Action] {
        let offer = UpdateOffer.sample(client, round: number)
        #expect(machine.offered(offer) == [.inspect(offer)])
        return machine.inspected(offer, nil, at: .zero)
    }

    private func taken(_ client: ClientID, _ number: Int) -> [Action] {
        let offer = UpdateOffer.sample(client, round: number)
        return [.record(offer), .answer(offer, .accepted)]
    }

    private func step(
        _ version: Int,
        _ entries: [(client: ClientID, version: Int, number: Int)]
    ) -> AsynchronousBuffer<Int>.Step {
        .init(
            version: version,
            entries: entries.map { .init(client: $0.client, version: $0.version, update: $0.number) }
        )
    }

    @Test("gives work to as many as may work at a time, and to a client again when it has delivered")
    func handsOut() {
        var machine = machine()
        #expect(machine.start(present: ["a", "b"], at: .zero) == [.assign("a", number: 1), .assign("b", number: 2)])
        #expect(deliver(&machine, "b", 2) == taken("b", 2) + [.assign("b", number: 3)])
        #expect(machine.arrived("c", at: .zero) == [])
        #expect(deliver(&machine, "a", 1) == taken("a", 1) + [.step(step(0, [("a", 0, 1), ("b", 0, 2)]))])
        // c was given nothing yet, so it comes before a.
        #expect(machine.stepTaken(at: .zero) == [.assign("c", number: 4)])
        #expect(
            machine.failed("b", order: .init(job: .sample, round: 3, kind: .train), at: .zero) == [
                .assign("a", number: 5)
            ]
        )
    }

    @Test("says again that an update was accepted, and takes no other for it")
    func repeats() {
        var machine = machine()
        _ = machine.start(present: ["a"], at: .zero)
        _ = deliver(&machine, "a", 1)
        let offer = UpdateOffer.sample("a", round: 1)
        #expect(machine.offered(offer) == [.answer(offer, .accepted)])
        let other = UpdateOffer.sample("a", round: 1, content: 9)
        let differs = UpdateRejection.differsFromAccepted(offer.adapter.digest).description
        #expect(machine.offered(other) == [.answer(other, .rejected(reason: differs))])
        for stray in [UpdateOffer.sample("a", round: 7), .sample("z", round: 1), .sample("a", round: .min)] {
            let over = UpdateRejection.taskOver(number: stray.order.round).description
            #expect(machine.offered(stray) == [.answer(stray, .rejected(reason: over))])
        }
    }

    @Test("lets a client rest that failed or sent what cannot be used, until its deadline would have come")
    func rests() {
        var machine = machine(size: 1)
        _ = machine.start(present: ["a"], at: .zero)
        let offer = UpdateOffer.sample("a", round: 1)
        _ = machine.offered(offer)
        let rejection = UpdateRejection.tensors(reason: "x")
        #expect(
            machine.inspected(offer, rejection, at: .seconds(5))
                == [.answer(offer, .rejected(reason: rejection.description))]
        )
        let again = UpdateRejection.rejectedBefore(reason: rejection.description).description
        #expect(machine.offered(offer) == [.answer(offer, .rejected(reason: again))])
        #expect(machine.arrived("a", at: .seconds(5)) == [])
        #expect(machine.nextAlarm == .seconds(65))
        #expect(machine.reached(.seconds(64)) == [])
        #expect(machine.reached(.seconds(65)) == [.assign("a", number: 2)])
    }

    @Test("gives no more work to a client whose budget is spent, and ends when nobody else is there and nothing is out")
    func spent() {
        var machine = machine(buffer: 10)
        _ = machine.start(present: ["a", "b"], at: .zero)
        func deliver(_ client: ClientID, _ number: Int, isSpent: Bool) -> [Action] {
            let offer = UpdateOffer.sample(client, round: number)
            _ = machine.offered(offer)
            return machine.inspected(offer, nil, isSpent: isSpent, at: .zero)
        }
        #expect(deliver("a", 1, isSpent: true) == taken("a", 1))
        #expect(deliver("b", 2, isSpent: false) == taken("b", 2) + [.assign("b", number: 3)])
        // As long as somebody works, a step may still come of it.
        #expect(machine.arrived("a", at: .zero) == [])
        machine.departed("b")
        let gone = machine.reached(.seconds(60))
        let noAnswer = Action.withdraw("b", number: 3, reason: "There was no answer before the deadline.")
        #expect(gone == [noAnswer], "it may come back")
        #expect(machine.reached(.seconds(599)) == [])
        #expect(machine.reached(.seconds(600)) == [.exhaust(["a"])])
        #expect(machine.arrived("b", at: .seconds(601)) == [], "the job is over")
    }

    @Test("counts nobody out before others had time to come, and looks only once when that is over")
    func gathers() {
        var state = RunState(phase: .running, global: .sample(0))
        state.apply(.assigned(.init(number: 1, version: 0, adapter: .sample(0)), to: "a"))
        state.apply(.accepted(.sample("a", round: 1)))
        var lonely = machine(state.asynchronous, spent: ["a"], gatheringEnd: .seconds(30))
        #expect(lonely.start(present: ["a"], at: .zero) == [])
        #expect(lonely.nextAlarm == .seconds(30))
        #expect(lonely.reached(.seconds(30)) == [.exhaust(["a"])])

        var busy = machine(size: 1, gatheringEnd: .seconds(30))
        #expect(busy.start(present: ["a"], at: .zero) == [.assign("a", number: 1)])
        #expect(busy.nextAlarm == .seconds(30))
        #expect(busy.reached(.seconds(30)) == [])
        #expect(busy.nextAlarm == deadline)
    }

    @Test("takes all work back when the job cannot go on")
    func fails() {
        var machine = machine()
        _ = machine.start(present: ["a", "b"], at: .zero)
        let withdrawals = [("a", 1), ("b", 2)].map { client, number in
            Action.withdraw(ClientID(client), number: number, reason: "The job has failed.")
        }
        #expect(machine.failed(reason: "no") == withdrawals + [.fail(reason: "no")])
        #expect(machine.failed(reason: "no") == [])
    }

    @Test("knows after a restart whose budget is spent")
    func spentBefore() {
        var state = RunState(phase: .running, global: .sample(0))
        for (number, client) in (["a", "b"] as [ClientID]).enumerated() {
            state.apply(.assigned(.init(number: number + 1, version: 0, adapter: .sample(0)), to: client))
            state.apply(.accepted(.sample(client, round: number + 1)))
        }
        var one = machine(state.asynchronous, spent: ["a"], buffer: 10)
        #expect(one.start(present: ["a", "b"], at: .zero) == [.assign("b", number: 3)])
        var both = machine(state.asynchronous, spent: ["a", "b"], buffer: 10)
        #expect(both.start(present: [], at: .zero) == [])
        #expect(both.arrived("b", at: .zero) == [.exhaust(["b"])], "also of a, which is away, nothing can be had")
        var fresh = machine(state.asynchronous, spent: ["a", "b"], buffer: 10)
        #expect(fresh.start(present: ["a", "c"], at: .zero) == [.assign("c", number: 3)])
    }

    @Test("gives up who does not answer, and takes its update while it has no other work")
    func givesUp() {
        var machine = machine(size: 1)
        _ = machine.start(present: ["a"], at: .zero)
        machine.departed("a")
        // It is back before its deadline, and goes on.
        #expect(machine.arrived("a", at: .seconds(30)) == [.order("a")])
        machine.departed("a")
        #expect(
            machine.reached(.seconds(60))
                == [.withdraw("a", number: 1, reason: "There was no answer before the deadline.")]
        )
        let late = UpdateOffer.sample("a", round: 1)
        #expect(machine.offered(late) == [.inspect(late)])
        #expect(machine.inspected(late, nil, at: .seconds(61)) == taken("a", 1))
        #expect(machine.arrived("a", at: .seconds(62)) == [.assign("a", number: 2)])
    }

    @Test("goes on where the stored run was: pushes what is out, and combines what is due before all else")
    func resumes() {
        var state = RunState(phase: .running, global: .sample(0))
        for (number, client) in (["a", "b", "c"] as [ClientID]).enumerated() {
            state.apply(.assigned(.init(number: number + 1, version: 0, adapter: .sample(0)), to: client))
        }
        state.apply(.accepted(.sample("c", round: 3)))
        var half = machine(state.asynchronous, size: 3)
        #expect(half.start(present: ["a", "c"], at: .zero) == [.order("a"), .assign("c", number: 4)])

        state.apply(.accepted(.sample("a", round: 1)))
        var full = machine(state.asynchronous, size: 3)
        let due = step(0, [("a", 0, 1), ("c", 0, 3)])
        #expect(full.start(present: ["a", "b"], at: .zero) == [.order("b"), .step(due)])
        #expect(full.stepTaken(at: .zero) == [.assign("a", number: 4)])
    }

    @Test("does not wait for work that is too old after a restart")
    func resumesStale() {
        let progress = AsynchronousProgress(tasks: ["a": .init(number: 1, version: 0, adapter: .sample(0))])
        var machine = machine(progress, version: 3, maximumStaleness: 2, size: 1)
        #expect(machine.start(present: ["a"], at: .zero) == [.assign("a", number: 2)])
    }

    @Test("closes with the last step and withdraws what is still out")
    func closes() {
        var machine = machine(buffer: 1, steps: 1)
        _ = machine.start(present: ["a", "b"], at: .zero)
        _ = deliver(&machine, "a", 1)
        #expect(
            machine.stepTaken(at: .zero)
                == [.withdraw("b", number: 2, reason: "The job has all its versions."), .close]
        )
        #expect(machine.reached(.seconds(10_000)) == [])
        #expect(machine.cancelled() == [])
    }
}
