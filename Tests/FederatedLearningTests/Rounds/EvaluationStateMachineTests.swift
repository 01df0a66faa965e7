import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct EvaluationStateMachineTests {
    private let id = WorkOrder.ID(job: .sample, round: 2, kind: .evaluate)
    private let good = EvaluationReport(exampleCount: 10, metrics: ["accuracy": 0.5])
    private let better = EvaluationReport(exampleCount: 10, metrics: ["accuracy": 0.9])

    private func machine(minimum: Int = 1) -> EvaluationStateMachine {
        EvaluationStateMachine(id: id, minimum: minimum, deadline: .seconds(10))
    }

    @Test("asks everybody who is there and ends with the last report")
    func undisturbed() {
        var machine = machine()
        #expect(machine.start(present: ["b", "a"]) == [.order("a"), .order("b")])
        #expect(machine.reported("b", order: id, good).isEmpty)
        #expect(machine.reported("a", order: id, better) == [.close(["a": better, "b": good])])
    }

    @Test("counts the first report, and confirms again only what is recorded")
    func duplicates() {
        var machine = machine()
        _ = machine.start(present: ["a", "b"])
        _ = machine.reported("a", order: id, good)
        #expect(machine.reported("a", order: id, better).isEmpty)
        #expect(machine.reported("b", order: id, good).last == .close(["a": good, "b": good]))
        #expect(machine.reported("b", order: id, good) == [.confirm("b")])
    }

    @Test("goes on without the clients that fail")
    func failures() {
        var machine = machine()
        _ = machine.start(present: ["a", "b"])
        #expect(machine.failed("a", order: .init(job: .sample, round: 1, kind: .evaluate)).isEmpty)
        #expect(machine.failed("a", order: id).isEmpty)
        #expect(machine.reported("b", order: id, good).last == .close(["b": good]))
    }

    @Test("ends without a report when everybody fails")
    func allFail() {
        var machine = machine()
        _ = machine.start(present: ["a"])
        #expect(machine.failed("a", order: id) == [.close([:])])
    }

    @Test("asks those who arrive while it is open, and waits until enough have been asked")
    func arrivals() {
        var machine = machine(minimum: 2)
        #expect(machine.start(present: ["a"]) == [.order("a")])
        #expect(machine.reported("a", order: id, good).isEmpty)
        #expect(machine.arrived("b") == [.order("b")])
        machine.departed("b")
        #expect(machine.arrived("b") == [.order("b")])
        #expect(machine.reported("b", order: id, good).last == .close(["a": good, "b": good]))
        #expect(machine.arrived("c").isEmpty)
    }

    @Test("ends at its deadline with what was reported")
    func deadline() {
        var machine = machine()
        _ = machine.start(present: ["a", "b"])
        _ = machine.reported("a", order: id, good)
        #expect(machine.reached(.seconds(9)).isEmpty)
        let reason = "The evaluation is over."
        #expect(machine.reached(.seconds(10)) == [.withdraw("b", id, reason: reason), .close(["a": good])])
        #expect(machine.reported("b", order: id, good) == [.withdraw("b", id, reason: reason)])
    }

    @Test("waits for those who are away only shortly once everybody who is there has reported")
    func absence() {
        var machine = EvaluationStateMachine(id: id, minimum: 3, deadline: .seconds(100), absence: .seconds(5))
        _ = machine.start(present: ["a", "b"])
        machine.settle(at: .seconds(1))
        #expect(machine.nextAlarm == .seconds(100))
        machine.departed("b")
        machine.settle(at: .seconds(2))
        #expect(machine.nextAlarm == .seconds(100))
        #expect(machine.reported("a", order: id, good).isEmpty)
        machine.settle(at: .seconds(3))
        #expect(machine.nextAlarm == .seconds(8))
        // Who comes back is waited for as anybody who is there.
        #expect(machine.arrived("b") == [.order("b")])
        machine.settle(at: .seconds(7))
        #expect(machine.nextAlarm == .seconds(100))
        #expect(machine.reached(.seconds(8)).isEmpty)
        machine.departed("b")
        machine.settle(at: .seconds(9))
        machine.settle(at: .seconds(13))
        #expect(machine.reached(.seconds(13)).isEmpty)
        #expect(machine.reached(.seconds(14)).last == .close(["a": good]))
    }

    @Test("does not wait for its deadline when nobody is there at all")
    func nobody() {
        var machine = EvaluationStateMachine(id: id, minimum: 2, deadline: .seconds(100), absence: .seconds(5))
        #expect(machine.start(present: []).isEmpty)
        machine.settle(at: .zero)
        #expect(machine.reached(.seconds(5)) == [.close([:])])
    }

    @Test("takes no figures from a client that was not asked, nor for another round, and withdraws what was reported")
    func unasked() {
        var machine = machine()
        _ = machine.start(present: ["a"])
        let other = WorkOrder.ID(job: .sample, round: 1, kind: .evaluate)
        for (client, order) in [("stranger", id), ("a", other)] as [(ClientID, WorkOrder.ID)] {
            let actions = machine.reported(client, order: order, good)
            #expect(actions.count == 1)
            guard case .withdraw(client, order, _)? = actions.first else {
                Issue.record("a report that was not asked for was taken, or other work withdrawn")
                continue
            }
        }
        // What is open from 'a' still is.
        #expect(machine.reported("a", order: id, good) == [.close(["a": good])])
    }

    @Test("withdraws what is open when the job is cancelled")
    func cancelled() {
        var machine = machine()
        _ = machine.start(present: ["a", "b"])
        _ = machine.reported("a", order: id, good)
        let reason = "The job was cancelled."
        let withdrawals = ["a", "b"].map { EvaluationStateMachine.Action.withdraw($0, id, reason: reason) }
        #expect(machine.cancelled() == withdrawals + [.cancel])
        #expect(machine.reached(.seconds(10)).isEmpty)
    }

    @Test("asks no more clients than it may, and does not wait for more either")
    func limit() {
        var machine = EvaluationStateMachine(id: id, minimum: 3, limit: 2, deadline: .seconds(10))
        #expect(machine.start(present: ["a"]) == [.order("a")])
        #expect(machine.arrived("b") == [.order("b")])
        #expect(machine.arrived("c").isEmpty)
        #expect(machine.reported("a", order: id, good).isEmpty)
        #expect(machine.reported("b", order: id, good).last == .close(["a": good, "b": good]))
    }
}
