import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct RunStateTests {
    private let cohort = [
        CohortMember(client: "a", adapter: .sample(0)), CohortMember(client: "b", adapter: .sample(0)),
    ]

    private func state(after changes: RunChange...) -> RunState {
        var state = RunState()
        for change in changes { state.apply(change) }
        return state
    }

    @Test("folds the steps of a round into the next adapter")
    func round() {
        var state = state(after: .began(initial: .sample(0)), .opened(round: 1, cohort: cohort))
        #expect(state.phase == .running)
        #expect(state.openRound == .init(number: 1, cohort: cohort))
        state.apply(.accepted(.sample("a", round: 1, content: 3)))
        #expect(state.openRound?.accepted.keys.sorted() == ["a"])
        state.apply(.committed(round: 1, global: .sample(9)))
        #expect(state.openRound == nil)
        #expect(state.committedRounds == 1)
        #expect(state.global == .sample(9))
        #expect(state.countedUpdates == ["a": AdapterReference.sample(3).digest])
    }

    @Test("counts the attempts of a round, and forgets them when it is committed")
    func attempts() {
        var state = state(
            after: .began(initial: .sample(0)),
            .opened(round: 1, cohort: cohort),
            .accepted(.sample("a", round: 1)),
            .abandoned(round: 1, reason: "x"),
            .abandoned(round: 1, reason: "x")
        )
        #expect(state.abandonedAttempts == 1)
        #expect(state.openRound == nil)
        state.apply(.opened(round: 1, cohort: cohort))
        #expect(state.openRound?.accepted.isEmpty == true)
        state.apply(.committed(round: 1, global: .sample(9)))
        #expect(state.abandonedAttempts == 0)
    }

    struct Misplaced: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: RunChange
    }

    @Test(
        "lets a step that does not follow change nothing",
        arguments: [
            Misplaced(testDescription: "begun twice", change: .began(initial: .sample(5))),
            Misplaced(testDescription: "a round opened over another", change: .opened(round: 3, cohort: [])),
            Misplaced(testDescription: "the open round opened again", change: .opened(round: 2, cohort: [])),
            Misplaced(testDescription: "another round committed", change: .committed(round: 1, global: .sample(5))),
            Misplaced(testDescription: "another round abandoned", change: .abandoned(round: 1, reason: "x")),
            Misplaced(testDescription: "an update of another round", change: .accepted(.sample("a", round: 1))),
            Misplaced(testDescription: "a second update", change: .accepted(.sample("a", round: 2, content: 8))),
            Misplaced(testDescription: "a stranger's update", change: .accepted(.sample("z", round: 2))),
            Misplaced(testDescription: "an evaluation of what is not there", change: .evaluated(round: 2)),
            Misplaced(testDescription: "figures", change: .measured([])),
        ]
    )
    func misplaced(_ test: Misplaced) {
        var state = state(
            after: .began(initial: .sample(0)),
            .opened(round: 1, cohort: cohort),
            .committed(round: 1, global: .sample(1)),
            .evaluated(round: 1),
            .opened(round: 2, cohort: cohort),
            .accepted(.sample("a", round: 2))
        )
        let before = state
        state.apply(test.change)
        #expect(state == before)
    }

    @Test("stays as it ended", arguments: [RunChange.finished, .cancelled, .failed(reason: "x")])
    func ends(_ end: RunChange) {
        var state = state(after: .began(initial: .sample(0)), end)
        let before = state
        #expect(before.phase.isFinal)
        for change in [
            RunChange.finished, .cancelled, .failed(reason: "y"), .opened(round: 1, cohort: cohort),
            .evaluated(round: 0),
        ] {
            state.apply(change)
            #expect(state == before)
        }
    }

    @Test("answers a counted update with accepted, and every other with the reason")
    func settledVerdicts() {
        let state = state(
            after: .began(initial: .sample(0)),
            .opened(round: 1, cohort: cohort),
            .accepted(.sample("a", round: 1, content: 3)),
            .committed(round: 1, global: .sample(9))
        )
        func verdict(_ client: ClientID, round: Int, content: UInt8) -> UpdateVerdict {
            state.verdict(onSettled: .sample(client, round: round, content: content))
        }
        #expect(verdict("a", round: 1, content: 3) == .accepted)
        let over = UpdateVerdict.rejected(reason: UpdateRejection.roundOver(round: 1).description)
        #expect(verdict("a", round: 1, content: 4) == over)
        #expect(verdict("b", round: 1, content: 3) == over)
        let none = UpdateVerdict.rejected(reason: UpdateRejection.noRoundOpen.description)
        for round in [2, 0, -1, .max, .min] { #expect(verdict("a", round: round, content: 3) == none) }
    }

    @Test("answers a delivered task with accepted, and every other with the reason")
    func settledTasks() {
        var state = state(
            after: .began(initial: .sample(0)),
            .assigned(.init(number: 1, version: 0, adapter: .sample(0)), to: "a"),
            .accepted(.sample("a", round: 1, content: 3))
        )
        #expect(state.asynchronous.buffer.map(\.task.number) == [1])
        #expect(state.asynchronous.openTask(of: "a") == nil)
        state.apply(.committed(round: 1, global: .sample(9)))
        #expect(state.asynchronous.buffer.isEmpty)
        state.apply(.assigned(.init(number: 2, version: 1, adapter: .sample(9)), to: "a"))
        #expect(state.asynchronous.openTask(of: "a")?.version == 1)
        #expect(state.verdict(onSettled: .sample("a", round: 1, content: 3)) == .accepted)
        for stray in [UpdateOffer.sample("a", round: 1), .sample("b", round: 1, content: 3), .sample("a", round: .max)]
        {
            let over = UpdateRejection.taskOver(number: stray.order.round).description
            #expect(state.verdict(onSettled: stray) == .rejected(reason: over))
        }
    }

    @Test("collects asynchronously between the first evaluation and the last")
    func asynchronousSteps() {
        var job = JobConfiguration.sample(rounds: 2)
        job.asynchronous = .init(buffer: 1)
        var state = state(after: .began(initial: .sample(0)))
        #expect(state.nextStep(of: job) == .evaluate(round: 0))
        state.apply(.evaluated(round: 0))
        for version in 0..<2 {
            #expect(state.nextStep(of: job) == .collectAsynchronously(.init(buffer: 1)))
            state.apply(.assigned(.init(number: version + 1, version: version, adapter: .sample(0)), to: "a"))
            state.apply(.accepted(.sample("a", round: version + 1)))
            // Full, and still the same step: the machine combines it.
            #expect(state.nextStep(of: job) == .collectAsynchronously(.init(buffer: 1)))
            state.apply(.committed(round: version + 1, global: .sample(1)))
        }
        #expect(state.nextStep(of: job) == .evaluate(round: 2))
        state.apply(.evaluated(round: 2))
        #expect(state.nextStep(of: job) == .finish)
    }

    @Test("takes the steps of a job in one order")
    func steps() {
        let job = JobConfiguration.sample(rounds: 2, evaluation: .init(every: 5))
        var state = RunState()
        #expect(state.nextStep(of: job) == .begin)
        state.apply(.began(initial: .sample(0)))
        #expect(state.nextStep(of: job) == .evaluate(round: 0))
        state.apply(.evaluated(round: 0))
        #expect(state.nextStep(of: job) == .open(round: 1))
        state.apply(.opened(round: 1, cohort: cohort))
        #expect(state.nextStep(of: job) == .collect(.init(number: 1, cohort: cohort)))
        state.apply(.abandoned(round: 1, reason: "x"))
        #expect(state.nextStep(of: job) == .open(round: 1))
        state.apply(.opened(round: 1, cohort: cohort))
        state.apply(.committed(round: 1, global: .sample(1)))
        #expect(state.nextStep(of: job) == .open(round: 2))
        state.apply(.opened(round: 2, cohort: cohort))
        state.apply(.committed(round: 2, global: .sample(2)))
        #expect(state.nextStep(of: job) == .evaluate(round: 2))
        state.apply(.evaluated(round: 2))
        #expect(state.nextStep(of: job) == .finish)
        state.apply(.finished)
        #expect(state.nextStep(of: job) == nil)
    }
}
