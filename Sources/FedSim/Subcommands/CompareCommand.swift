import ArgumentParser
import Foundation
import Simulation
import Terminal

/// Lays several runs over one another.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare runs: one report with their curves in the same plots.",
        discussion: """
            Prints a table and writes it, with the plots, as a report. Runs that differ in nothing but their seeds are one \
            line: the mean, and the range over the seeds.

            Example: fed-sim compare results/name=fedavg,seed=1 results/name=flexlora,seed=1 --out comparison
            """
    )

    @Argument(help: ArgumentHelp("Folders of runs, or folders that hold several.", valueName: "folder"))
    var folders: [String]

    @Option(help: ArgumentHelp("The folder for the comparison.", valueName: "folder"))
    var out = "comparison"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let runs = folders.map { URL(fileURLWithPath: $0, isDirectory: true) }
        let target = URL(fileURLWithPath: out, isDirectory: true)
        let comparison = try Comparison(directories: runs)
        try comparison.write(to: target)
        if json {
            print(JSONListing.text(comparison.plainTable.header, comparison.plainTable.rows))
            return
        }
        let (header, rows) = comparison.table
        TextTable(header, fitting: rows, texts: 1).write(rows)
        print("\n\(target.standardizedFileURL.path)")
    }
}
