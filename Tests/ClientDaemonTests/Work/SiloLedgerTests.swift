import ClientDaemon
import DifferentialPrivacy
import FederatedLearning
import Foundation
import TestSupport
import Testing

@Suite("Silo ledgers")
struct SiloLedgerTests {
    private static let steps = NoisedSteps(noiseMultiplier: 1, sampling: .poisson(rate: 0.1), count: 20)

    private func order(
        job: JobID = .sample,
        budget: Double? = nil,
        mechanism: PrivacySettings.Mechanism? = .exampleLevel
    ) -> WorkOrder {
        var configuration = JobConfiguration.sample()
        configuration.privacy = mechanism.map {
            PrivacySettings(
                mechanism: $0,
                clippingNorm: 1,
                noiseMultiplier: 1,
                delta: 1e-5,
                epsilonBudget: budget,
                accountant: .renyi
            )
        }
        return WorkOrder(
            id: .init(job: job, round: 1, kind: .train),
            adapter: .sample(0),
            assignment: Assignment(job: configuration, modelDigest: .sampleModel)
        )
    }

    @Test("remember every charge when they are opened again")
    func durable() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let first = try await SiloLedger(directory: directory, limit: nil).charge(Self.steps, for: order())
            let second = try await SiloLedger(directory: directory, limit: nil).charge(Self.steps, for: order())
            var both = Self.steps
            both.count = 40
            let expected = try PrivacyLedger(steps: [both]).epsilon(by: .renyi, delta: 1e-5)
            #expect(first.next == expected && second.epsilon == expected && first.epsilon < expected)
            let cost = try #require(try SiloLedger.cost(in: directory, limit: .init(epsilon: 9, delta: 1e-5)))
            #expect(
                cost.limit == 9 && cost.delta == 1e-5 && cost.epsilon <= expected && cost.epsilon > first.epsilon / 2
            )
            let mode = try FileManager.default.attributesOfItem(atPath: directory.ledgerFile.path)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test("add up all jobs against the silo's own limit, and charge nothing that is above it")
    func limit() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let one = try PrivacyLedger(steps: [Self.steps]).epsilon(by: .lossDistribution, delta: 1e-5)
            let ledger = SiloLedger(directory: directory, limit: .init(epsilon: one + 0.01, delta: 1e-5))
            try await ledger.check(order())
            _ = try await ledger.charge(Self.steps, for: order())
            let content = try Data(contentsOf: directory.ledgerFile)
            let other = order(job: JobID(rawValue: "another"))
            let error = await #expect(throws: OrderRefusal.self) { _ = try await ledger.charge(Self.steps, for: other) }
            #expect(error?.description.contains("above its `privacy.epsilon_limit` of") == true)
            #expect(try Data(contentsOf: directory.ledgerFile) == content)
        }
    }

    @Test("refuse the charge that the job's budget does not cover")
    func budget() async throws {
        try await withTemporaryDirectory { folder in
            let ledger = SiloLedger(directory: ClientDirectory(folder), limit: nil)
            let one = try PrivacyLedger(steps: [Self.steps]).epsilon(by: .renyi, delta: 1e-5)
            _ = try await ledger.charge(Self.steps, for: order(budget: one + 0.01))
            let error = await #expect(throws: OrderRefusal.self) {
                _ = try await ledger.charge(Self.steps, for: order(budget: one + 0.01))
            }
            #expect(error?.description.contains("above the job's `privacy.epsilon_budget`") == true)
            // Another job has a budget of its own.
            _ = try await ledger.charge(Self.steps, for: order(job: JobID(rawValue: "another"), budget: one + 0.01))
        }
    }

    @Test("with a limit, let no job train that protects nothing; what the server noises costs the silo nothing")
    func unprotected() async throws {
        try await withTemporaryDirectory { folder in
            let ledger = SiloLedger(directory: ClientDirectory(folder), limit: .init(epsilon: 1, delta: 1e-6))
            await #expect(throws: OrderRefusal.self) { try await ledger.check(order(mechanism: nil)) }
            try await ledger.check(order(mechanism: .central))
            try await SiloLedger(directory: ClientDirectory(folder), limit: nil).check(order(mechanism: nil))
        }
    }

    @Test("that are damaged are never taken for empty")
    func damaged() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            try Data("{".utf8).write(to: directory.ledgerFile)
            await #expect(throws: ClientError.self) {
                _ = try await SiloLedger(directory: directory, limit: nil).charge(Self.steps, for: order())
            }
            #expect(try String(contentsOf: directory.ledgerFile, encoding: .utf8) == "{")
        }
    }
}
