import Adapters
import FederatedLearning
import Foundation
import TestSupport

@testable import Simulation

/// A small experiment with a trainer that computes nothing: client i has i + 1 rows to train on, and one to be judged on.
struct TestSimulation {
    var job = JobConfiguration.sample(rounds: 2, size: 4, minimum: 1)
    var clients = 4
    var devices: [DeviceClass] = []
    var availability = Availability()
    var ranks = RankSettings()
    var checkpointEvery = 1
    var trainer: any SimulatedTrainer = TestTrainer()

    var experiment: Experiment {
        Experiment(
            job: job,
            clients: clients,
            data: DataSettings(files: []),
            ranks: ranks,
            devices: devices,
            availability: availability,
            checkpointEvery: checkpointEvery
        )
    }

    var partition: Partition {
        var start = 0
        let training = (0..<clients).map { client in
            defer { start += client + 1 }
            return Array(start..<start + client + 1)
        }
        return Partition(training: RowLists(training), heldOut: RowLists((0..<clients).map { [start + $0] }))
    }

    var population: Population { Population(partition: partition, experiment: experiment, seed: job.seed) }

    @discardableResult
    func run(in folder: URL, text: String = "an experiment") async throws -> RunSummary {
        try await SimulationRun(
            experiment,
            text: text,
            in: folder,
            world: SimulationRun.World(
                partition: partition,
                trainer: trainer,
                modelDigest: .sampleModel,
                initialAdapter: { [job] in .sample(rank: job.adapter.rank) }
            )
        ).run()
    }
}

/// What a run left.
struct RunOutput {
    let rounds: RunTable
    let clients: RunTable

    init(_ folder: URL) throws {
        rounds = try RunTable(path: folder.appendingPathComponent("rounds.csv").path)
        clients = try RunTable(path: folder.appendingPathComponent("clients.csv").path)
    }

    /// The lines of `rounds.csv` but for the real seconds, which no two runs share.
    var roundsWithoutSeconds: [[String]] {
        let seconds = rounds.columns.firstIndex(of: "seconds")
        return rounds.rows.map { row in row.enumerated().filter { $0.offset != seconds }.map(\.element) }
    }

    /// The clients to whom `event` happened in a round, in order.
    func clients(_ event: ClientRecord.Event, round: Int) -> [String] {
        zip(clients.texts("round"), zip(clients.texts("event"), clients.texts("client")))
            .filter { $0 == String(round) && $1.0 == event.rawValue }.map(\.1.1)
    }

    /// The lines of `clients.csv` of an event, as columns with numbers.
    func numbers(_ column: String, of event: ClientRecord.Event) -> [Double] {
        zip(clients.texts("event"), clients.numbers(column)).filter { $0.0 == event.rawValue }.map(\.1)
    }
}
