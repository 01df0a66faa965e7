package import Aggregation
package import FederatedLearning
import LinearAlgebra

/// The registered clients: for each a name, the rows that it holds, a device and a rank.
///
/// A client is an index. What is known of it takes a few bytes and is otherwise computed when it is asked for, so that a
/// million clients fit.
package struct Population: Sendable {
    private static let devicesStream: UInt64 = 0x6465_7669  // "devi"
    private static let ranksStream: UInt64 = 0x7261_6e6b  // "rank"

    package let names: ClientNames
    package let partition: Partition
    package let seed: UInt64
    package let availability: Availability
    private let devices: [DeviceClass]
    private let kinds: [UInt16]
    private let ranks: [Int]
    private let rankKinds: [UInt16]

    /// Sets the clients of an experiment up.
    ///
    /// - Parameters:
    ///   - partition: The rows of each client.
    ///   - experiment: Its devices, ranks and availability.
    ///   - seed: Decides who has which device and which rank.
    package init(partition: Partition, experiment: Experiment, seed: UInt64) {
        let count = partition.clientCount
        self.names = partition.names.map(ClientNames.init) ?? ClientNames(count: count)
        self.partition = partition
        self.seed = seed
        self.availability = experiment.availability
        self.devices = experiment.devices.isEmpty ? [.immediate] : experiment.devices
        var generator = CounterGenerator(seed: seed, stream: [Self.devicesStream])
        self.kinds = Quotas.deal(devices.map(\.share), to: count, using: &generator)
        self.ranks = experiment.ranks.ranks.isEmpty ? [experiment.job.adapter.rank] : experiment.ranks.ranks
        var rankGenerator = CounterGenerator(seed: seed, stream: [Self.ranksStream])
        self.rankKinds = Quotas.deal(
            experiment.ranks.shares.isEmpty ? [1] : experiment.ranks.shares,
            to: count,
            using: &rankGenerator
        )
    }

    package var count: Int { partition.clientCount }

    package func device(of client: Int) -> DeviceClass { devices[Int(kinds[client])] }

    /// The largest rank that a client trains at: what its memory allows of what the distribution gives it.
    package func maximumRank(of client: Int) -> Int {
        min(ranks[Int(rankKinds[client])], device(of: client).maximumRank ?? .max)
    }

    package func profile(of client: Int) -> ClientProfile {
        ClientProfile(id: names[client], maximumRank: maximumRank(of: client))
    }

    /// A client with its rows.
    package func client(_ index: Int) -> SimulatedClient {
        SimulatedClient(
            id: names[index],
            trainingRows: partition.trainingRows(of: index),
            heldOutRows: partition.heldOutRows(of: index)
        )
    }

    /// Whether a client can be asked; one without rows to train on never can.
    package func isPresent(_ client: Int, at time: Duration) -> Bool {
        partition.trainingCount(of: client) > 0 && availability.isPresent(client, at: time, seed: seed)
    }

    /// When a client comes or goes next; `nil` for never.
    package func nextChange(of client: Int, after time: Duration) -> Duration? {
        guard partition.trainingCount(of: client) > 0 else { return nil }
        return availability.nextChange(of: client, after: time, seed: seed)
    }
}

/// A client with the rows that it holds in the shared corpus.
package struct SimulatedClient: Sendable, Hashable {
    package let id: ClientID
    package let trainingRows: [Int]
    package let heldOutRows: [Int]

    package init(id: ClientID, trainingRows: [Int], heldOutRows: [Int]) {
        self.id = id
        self.trainingRows = trainingRows
        self.heldOutRows = heldOutRows
    }
}
