import Aggregation
import FederatedLearning
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CrashTests {
    private func federation() async -> TestFederation {
        var federation = TestFederation(
            .sample(strategy: .init(name: "flexlora", mode: .delta), rank: 8, rounds: 2, size: 3, minimum: 3)
        )
        federation.strategy = FlexLoRA(mode: .delta)
        await federation.addClients(ranks: [2, 4, 8], factorDelta: 0.25)
        return federation
    }

    @Test("ends with the same bits after a crash at any write", arguments: InterruptedRunStore.Moment.allCases)
    func everyWrite(moment: InterruptedRunStore.Moment) async throws {
        let quiet = await federation()
        let counting = InterruptedRunStore(quiet.store, failingAt: .max, .before)
        let expected = try #require(try await quiet.run(on: counting).run().global)
        let figures = await quiet.store.measurements(of: .sample)
        #expect(counting.writeCount >= 25)

        for write in 1...counting.writeCount {
            let federation = await federation()
            let dying = InterruptedRunStore(federation.store, failingAt: write, moment)
            await #expect(throws: InterruptedRunStore.Interruption.self, "write \(write)") {
                try await federation.run(on: dying).run()
            }
            let state = try await federation.run().run()
            #expect(state.phase == .finished, "write \(write)")
            #expect(state.global == expected, "write \(write)")
            try await expectEveryUpdateCountedOnce(in: federation, write: write)
            let found = await federation.store.measurements(of: .sample)
            let same = figures.allSatisfy { figure in
                // What a resumed client has already, it does not fetch again; everything else is the same.
                figure.name == "bytes_down" || found.contains(figure)
            }
            #expect(same, "write \(write)")
        }
    }

    /// Opening a round takes four writes, three payloads and the step: dying at the fourth, it would start over for ever.
    @Test("ends with the same bits after crash upon crash", arguments: InterruptedRunStore.Moment.allCases)
    func everyFifthWrite(moment: InterruptedRunStore.Moment) async throws {
        let quiet = await federation()
        let expected = try #require(try await quiet.run().run().global)
        let federation = await federation()
        var crashes = 0
        while true {
            let dying = InterruptedRunStore(federation.store, failingAt: 5, moment)
            do {
                let state = try await federation.run(on: dying).run()
                #expect(state.global == expected)
                break
            } catch is InterruptedRunStore.Interruption {
                crashes += 1
                try #require(crashes < 100, "no progress between crashes")
            }
        }
        #expect(crashes > 3)
        try await expectEveryUpdateCountedOnce(in: federation, write: 5)
    }

    /// Element i of the head's bias is the share of silo i's examples, once for each of two rounds.
    private func expectEveryUpdateCountedOnce(in federation: TestFederation, write: Int) async throws {
        let bias = try await federation.bias()
        for (index, share) in [1.0 / 6, 2.0 / 6, 3.0 / 6].enumerated() {
            #expect(abs(Double(bias[index]) - 2 * share) < 1e-6, "silo \(index) after a crash at write \(write)")
        }
    }
}
