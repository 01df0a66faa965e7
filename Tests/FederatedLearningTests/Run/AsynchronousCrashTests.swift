import Aggregation
import FederatedLearning
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct AsynchronousCrashTests {
    @Test(
        "loses nothing that was acknowledged and counts nothing twice after a crash at any write",
        arguments: InterruptedRunStore.Moment.allCases
    )
    func everyWrite(moment: InterruptedRunStore.Moment) async throws {
        func federation() async -> TestFederation {
            var federation = TestFederation(
                .asynchronous(.init(buffer: 2), strategy: "flexlora", rounds: 3, size: 3, evaluation: .init(every: 2))
            )
            federation.strategy = FlexLoRA(mode: .delta)
            await federation.addClients(ranks: [2, 3, 4], factorDelta: 0.25)
            return federation
        }
        let quiet = await federation()
        let counting = InterruptedRunStore(quiet.store, failingAt: .max, .before)
        #expect(try await quiet.run(on: counting).run().phase == .finished)
        #expect(counting.writeCount >= 25)
        for write in 1...counting.writeCount {
            let federation = await federation()
            let dying = InterruptedRunStore(federation.store, failingAt: write, moment)
            await #expect(throws: InterruptedRunStore.Interruption.self, "write \(write)") {
                try await federation.run(on: dying).run()
            }
            let state = try await federation.run().run()
            #expect(state.phase == .finished, "write \(write)")
            #expect(state.committedRounds == 3, "write \(write)")
            try await federation.expectEveryUpdateCountedOnce("write \(write)")
        }
    }

    @Test("makes progress between crashes", arguments: InterruptedRunStore.Moment.allCases)
    func crashUponCrash(moment: InterruptedRunStore.Moment) async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 3, size: 3))
        await federation.addClients(ranks: [8, 8, 8])
        var crashes = 0
        while true {
            do {
                _ = try await federation.run(on: InterruptedRunStore(federation.store, failingAt: 5, moment)).run()
                break
            } catch is InterruptedRunStore.Interruption {
                crashes += 1
                try #require(crashes < 100, "no progress between crashes")
            }
        }
        #expect(crashes > 3)
        try await federation.expectEveryUpdateCountedOnce()
    }
}
