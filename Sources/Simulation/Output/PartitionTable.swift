import Aggregation
package import Foundation

/// Who holds what: the lines of `partition.csv`.
package struct PartitionTable: Sendable {
    package let labels: [String]
    package let population: Population

    /// Prepares the table of these clients.
    package init(_ population: Population) {
        self.population = population
        self.labels = population.partition.groupNames
    }

    /// The columns' names.
    package var columns: [String] { ["client", "device", "rank", "training_examples", "held_out_examples"] + labels }

    /// The cells of one client.
    package func cells(of client: Int) -> [String] {
        let training = population.partition.trainingRows(of: client)
        var counts = [Int](repeating: 0, count: labels.count)
        // Plain texts that are dealt out by no field are of no group.
        for row in labels.isEmpty ? [] : training { counts[population.partition.group(of: row)] += 1 }
        return [
            population.names[client].rawValue, population.device(of: client).name,
            String(population.maximumRank(of: client)), String(training.count),
            String(population.partition.heldOutRows(of: client).count),
        ] + counts.map(String.init)
    }

    /// How many clients have nothing to train on, and so take no part.
    package var emptyClientCount: Int {
        (0..<population.count).count { population.partition.trainingCount(of: $0) == 0 }
    }

    /// Writes `partition.csv` into `folder`, which is made where it is missing.
    package func write(to folder: URL) throws {
        let output = RunFolder(folder)
        try output.create()
        try output.writePartition(of: population)
    }

    var csv: String {
        CSV.line(columns) + (0..<population.count).map { CSV.line(cells(of: $0)) }.joined()
    }
}
