import Aggregation
import FederatedLearning
import TestSupport
import Testing

extension JobConfiguration {
    /// A job with asynchronous rounds that evaluates its first and its last adapter.
    static func asynchronous(
        _ asynchronous: Asynchronous,
        strategy: String = "fedavg",
        rounds: Int,
        size: Int,
        evaluation: JobConfiguration.Evaluation = .init(every: 100)
    ) -> JobConfiguration {
        var job = JobConfiguration.sample(
            strategy: .init(name: strategy),
            rounds: rounds,
            size: size,
            minimum: size,
            evaluation: evaluation
        )
        job.asynchronous = asynchronous
        return job
    }
}

extension TestFederation {
    /// Replays the stored steps of an asynchronous run of honest clients that have all its updates in steps.
    ///
    /// Each accepted task is in exactly one step, everything that was acknowledged was accepted, and the head is what
    /// FedBuff's equation makes of these steps.
    func expectEveryUpdateCountedOnce(_ comment: Comment? = nil) async throws {
        var state = RunState()
        var accepted: [Int: UpdateOffer] = [:]
        var counted: [Int] = []
        var expected = [Double](repeating: 0, count: 8)
        let asynchronous = try #require(job.asynchronous)
        for change in await store.changes {
            let before = state
            state.apply(change)
            if state.asynchronous.buffer.count > before.asynchronous.buffer.count {
                let update = try #require(state.asynchronous.buffer.last)
                #expect(accepted.updateValue(update.offer, forKey: update.task.number) == nil, comment)
            }
            guard state.committedRounds > before.committedRounds else { continue }
            #expect(before.asynchronous.buffer.count == asynchronous.buffer, comment)
            for update in before.asynchronous.buffer {
                let staleness = before.committedRounds - update.task.version
                let index = try #require(Int(update.offer.client.rawValue.dropFirst("silo-".count)))
                counted.append(update.task.number)
                expected[index] += 1 / Double(1 + staleness).squareRoot() / Double(asynchronous.buffer)
            }
        }
        #expect(counted.sorted() == accepted.keys.sorted(), comment)
        for (offer, verdict) in await backend.verdicts where verdict == .accepted {
            #expect(accepted[offer.order.round] == offer, comment)
        }
        let bias = try await bias()
        for (found, expected) in zip(bias, expected) { #expect(abs(Double(found) - expected) < 1e-5, comment) }
    }
}
