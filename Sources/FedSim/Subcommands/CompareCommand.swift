import ArgumentParser
import Foundation
import Simulation

/// Lays several runs over one another.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare runs: one report with their curves in the same plots."
    )

    @Argument(help: ArgumentHelp("The folders of the runs.", valueName: "folder"))
    var folders: [String]

    @Option(help: ArgumentHelp("The folder for the comparison.", valueName: "folder"))
    var out = "comparison"

    func run() async throws {
        let runs = folders.map { URL(fileURLWithPath: $0, isDirectory: true) }
        let target = URL(fileURLWithPath: out, isDirectory: true)
        try Comparison(directories: runs).write(to: target)
        print(target.standardizedFileURL.path)
    }
}
