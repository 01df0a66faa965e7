import Aggregation
import DifferentialPrivacy
import FederatedLearning
import TestSupport
import Testing

@testable import Coordinator

@Suite("What is kept of a job's figures")
struct JobFiguresTests {
    @Test("is not older than the latest charge, nor than what a silo said last")
    func standing() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let figures = JobFigures(catalogue: store.jobs)
            let adapter = try await store.runs.keep(.sample())
            func begin(_ id: JobID, _ mechanism: PrivacySettings.Mechanism) async throws {
                var job = JobConfiguration.sample()
                job.privacy = PrivacySettings(mechanism: mechanism, clippingNorm: 1, noiseMultiplier: 2, delta: 1e-5)
                try await store.submitSample(id, configuration: job)
                try await store.runs.apply(.began(initial: adapter), to: id)
                let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: adapter) }
                try await store.runs.apply(.opened(round: 1, cohort: cohort), to: id)
            }

            let local = JobID(rawValue: "local")
            try await begin(local, .local)
            #expect(try await figures.privacyStanding(of: local)?.epsilon == 0)
            let steps = NoisedSteps(noiseMultiplier: 2, sampling: .everyone)
            let charge = PrivacyCharge(round: 1, steps: steps, clippingNorm: 1, noiseKey: nil)
            try await store.runs.apply(.charged(charge), to: local)
            let charged = try #require(try await figures.privacyStanding(of: local))
            #expect(charged.epsilon > 0)
            try await store.runs.apply(.abandoned(round: 1, reason: "too few"), to: local)
            #expect(try await figures.privacyStanding(of: local) == charged)

            let silos = JobID(rawValue: "silos")
            try await begin(silos, .exampleLevel)
            #expect(try await figures.privacyStanding(of: silos)?.silos == [:])
            let offer = UpdateOffer(
                client: "a",
                order: WorkOrder.ID(job: silos, round: 1, kind: .train),
                adapter: adapter,
                exampleCount: 1,
                metrics: SiloStanding(epsilon: 3, next: 4).figures
            )
            try await store.runs.apply(.accepted(offer), to: silos)
            try await store.runs.apply(.abandoned(round: 1, reason: "too few"), to: silos)
            #expect(try await figures.privacyStanding(of: silos)?.silos == ["a": 3])
        }
    }
}
