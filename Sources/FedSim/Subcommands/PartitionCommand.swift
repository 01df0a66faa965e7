import ArgumentParser
import FederatedLearning
import Foundation
import Simulation
import Terminal

/// Shows who would hold what, without running anything.
struct PartitionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract: "Show which client of an experiment holds what, and write partition.csv.",
        discussion: """
            Nothing is trained, and no model is needed.

            Example: fed-sim partition experiment.yaml --set partition.alpha=0.1 --out partition --write-data
            """
    )

    /// How many clients are printed; the file has them all.
    private static let shownClients = 40

    @OptionGroup var experiment: ExperimentOptions

    @Option(help: ArgumentHelp("The folder to write partition.csv to.", valueName: "folder"))
    var out: String?

    @Flag(help: "Write the rows of each client as a JSON lines file, which fed-client takes as its data.")
    var writeData = false

    @Flag(help: "Print JSON, with every client.")
    var json = false

    func validate() throws {
        guard !writeData || out != nil else { throw ValidationError("--write-data needs a folder: give --out.") }
    }

    func run() async throws {
        let sweep = try experiment.sweep()
        guard let run = sweep.runs.first, sweep.runs.count == 1 || out == nil else {
            throw ValidationError("--out takes one partition. Give --seed, or --set without lists.")
        }
        let bench = Workbench(
            folder: experiment.url.deletingLastPathComponent(),
            environment: ProcessInfo.processInfo.environment,
            threads: nil
        )
        let (population, data) = try bench.population(for: run.experiment)
        let table = PartitionTable(population)
        if json {
            print(JSONListing.text(table.columns, (0..<population.count).map(table.cells)))
        } else {
            Self.show(table, of: population.count)
        }
        guard let out else { return }
        let folder = URL(fileURLWithPath: out, isDirectory: true)
        try table.write(to: folder)
        if writeData { try PartitionData(population: population, data: data).write(to: folder) }
    }

    /// Prints the first clients.
    private static func show(_ table: PartitionTable, of count: Int) {
        let shown = (0..<min(count, shownClients)).map(table.cells)
        TextTable(table.columns, fitting: shown, texts: 2).write(shown)
        if count > shown.count { print("… and \(count - shown.count) more") }
        let empty = table.emptyClientCount
        if empty > 0 { print("\(empty) clients have no rows to train on and take no part.") }
    }
}
