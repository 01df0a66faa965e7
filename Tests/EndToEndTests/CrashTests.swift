import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing

@Suite("Crashes in the middle of a round", .timeLimit(.minutes(5)))
struct CrashTests {
    private static let names = ["silo-a", "silo-b", "silo-c"]
    private static let ranks = [4, 8, 8]

    private func trainer(_ index: Int) -> ConstantTrainer {
        ConstantTrainer(element: index % 2, delta: Float(index + 1) / 8, factorDelta: 0.125, exampleCount: index + 1)
    }

    /// A federation of three silos, the last of which is held in the second round's training.
    private struct Cohort {
        var directories: [ClientDaemon.ClientDirectory] = []
        var daemons: [Daemon] = []
        let held: GatedTrainer
    }

    private func startCohort(of federation: Federation, isHeld: Bool) async throws -> Cohort {
        var cohort = Cohort(held: GatedTrainer(trainer(2), gatedRound: 2))
        for (index, name) in Self.names.enumerated() {
            let directory = try await federation.join(name)
            let trainer: any LocalTrainer = index == 2 && isHeld ? cohort.held : trainer(index)
            cohort.directories.append(directory)
            cohort.daemons.append(try Daemon(directory, rank: Self.ranks[index], trainer: trainer))
        }
        return cohort
    }

    /// The tensors that three undisturbed rounds leave.
    private func undisturbed() async throws -> Data {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let cohort = try await startCohort(of: federation, isHeld: false)
                let job = try await server.submit(rounds: 3, clients: 3, minimum: 3)
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                for daemon in cohort.daemons { await daemon.kill() }
                return try await federation.export(job).tensors
            }
        }
    }

    /// Waits until two updates of the second round are accepted and the third is being trained.
    private func reachMiddle(_ cohort: Cohort) async throws {
        for daemon in cohort.daemons.prefix(2) {
            _ = try await daemon.first { event in
                if case .judged(let id, .accepted) = event, id.round == 2 { true } else { nil }
            }
        }
        _ = try await cohort.daemons[2].first { event in
            if case .started(let order) = event, order.id.round == 2, order.id.kind == .train { true } else { nil }
        }
    }

    @Test("a server that is stopped and started again finishes with a bit-identical adapter")
    func serverRestarts() async throws {
        let expected = try await undisturbed()
        try await Federation.with { federation in
            let (job, cohort) = try await federation.withServer { server in
                let cohort = try await startCohort(of: federation, isHeld: true)
                let job = try await server.submit(rounds: 3, clients: 3, minimum: 3)
                try await reachMiddle(cohort)
                return (job, cohort)
            }
            let report = try await federation.withServer { server in
                cohort.held.open()
                return try await server.outcome(of: job)
            }
            #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
            #expect(try await federation.export(job).tensors == expected)
            for daemon in cohort.daemons { await daemon.kill() }
        }
    }

    @Test("a client that is killed and started again finishes the round with a bit-identical adapter")
    func clientRestarts() async throws {
        let expected = try await undisturbed()
        try await Federation.with { federation in
            try await federation.withServer { server in
                let cohort = try await startCohort(of: federation, isHeld: true)
                let job = try await server.submit(rounds: 3, clients: 3, minimum: 3)
                try await reachMiddle(cohort)
                await cohort.daemons[2].kill()
                let restarted = try Daemon(cohort.directories[2], rank: Self.ranks[2], trainer: trainer(2))
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                #expect(try await federation.export(job).tensors == expected)
                for daemon in cohort.daemons.prefix(2) + [restarted] { await daemon.kill() }
            }
        }
    }
}
