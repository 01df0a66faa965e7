import Aggregation
import DifferentialPrivacy
import FederatedLearning
import TestSupport
import Testing

@Suite("Standings with a budget")
struct PrivacyStandingTests {
    private func job(_ mechanism: PrivacySettings.Mechanism) -> JobConfiguration {
        var job = JobConfiguration.sample(rounds: 5)
        job.privacy = PrivacySettings(
            mechanism: mechanism,
            clippingNorm: 1,
            noiseMultiplier: 4,
            delta: 1e-5,
            accountant: .renyi
        )
        return job
    }

    /// How many more rounds are covered with a budget, after what was charged and committed.
    private func coveredRounds(
        _ job: JobConfiguration,
        budget: Double,
        charged: [NoisedSteps] = [],
        committed: Int = 0
    ) throws -> Int? {
        var job = job
        job.privacy?.epsilonBudget = budget
        let state = RunState(
            phase: .running,
            committedRounds: committed,
            ledger: PrivacyLedger(steps: charged)
        )
        return try PrivacyStanding(of: job, state: state)?.coveredRounds
    }

    @Test("cover all rounds of a tree or none, and all that are left once it is paid for")
    func tree() throws {
        let job = job(.tree)
        let tree = try #require(try job.charge(after: PrivacyLedger()))
        let settings = try #require(job.privacy)
        let cost = try PrivacyLedger(steps: [tree]).epsilon(by: settings)
        #expect(try coveredRounds(job, budget: cost + 0.001) == 5)
        #expect(try coveredRounds(job, budget: cost / 2) == 0)
        // Charged, and not committed yet.
        #expect(try coveredRounds(job, budget: cost + 0.001, charged: [tree]) == 5)
        #expect(try coveredRounds(job, budget: cost + 0.001, charged: [tree], committed: 2) == 3)
    }

    @Test("cover so many rounds as they cost each, where each has noise of its own")
    func central() throws {
        let job = job(.central)
        let round = NoisedSteps(noiseMultiplier: 4, sampling: .everyone)
        let settings = try #require(job.privacy)
        let cost = try PrivacyLedger(steps: [round, round]).epsilon(by: settings)
        #expect(try coveredRounds(job, budget: cost + 0.001) == 2)
        #expect(try coveredRounds(job, budget: cost + 0.001, charged: [round], committed: 1) == 1)
    }
}
