import ArgumentParser
import Coordinator
import Foundation
import LinearAlgebra

struct JobExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a job's adapter as a PEFT directory and print its path.",
        discussion: "Works while the job runs and without a server: the adapter is that of the latest complete round."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions

    @Option(help: "The directory to write.", completion: .directory)
    var out: String

    @Option(help: "The rank to which the job's strategy cuts the adapter; by default the job's own.")
    var rank: Int?

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let exporter = AdapterExporter(store: try state.open().openStore())
        let folder = try await exporter.export(job.id, to: URL(fileURLWithPath: out, isDirectory: true), rank: rank)
        print(folder.path)
    }
}
