import Aggregation
import ArgumentParser
import Coordinator
import FederatedLearning
import Foundation
import Plotting
import Terminal

struct JobMetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print everything that was measured, of every client and round."
    )

    // Works beside a running server, and without one.

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    @Flag(help: "Print CSV.")
    var csv = false

    @Option(
        help: "An SVG file to write, with the curves of the job; nothing is printed then, unless asked for.",
        completion: .file(extensions: ["svg"])
    )
    var plot: String?

    func validate() throws {
        if listing.json, csv { throw ValidationError("Give `--json` or `--csv`, not both.") }
    }

    func run() async throws {
        let jobs = try state.open().openStore().jobs
        if let plot {
            try await draw(JobPicture(jobs.report(of: job.id)), to: URL(fileURLWithPath: plot))
            guard listing.json || csv else { return }
        }
        let measurements = try await jobs.measurements(of: job.id)
        if listing.json {
            try Printed.json(measurements)
        } else if csv {
            print(MeasurementTable.csv(measurements), terminator: "")
        } else {
            Printed.table(
                ["ROUND", "CLIENT", "PHASE", "NAME", "VALUE"],
                measurements.map {
                    [
                        "\($0.round)", $0.client?.description ?? "(all)", $0.phase, $0.name,
                        String(format: "%.6g", $0.value),
                    ]
                }
            )
        }
    }

    private func draw(_ picture: JobPicture, to file: URL) throws {
        guard let drawn = picture.drawn() else {
            StandardError.write(
                "fed-server: The job has no complete round yet, so there is nothing to draw. '\(file.path)' was not written."
            )
            throw ExitCode(ExitStatus.failed.rawValue)
        }
        try Data(drawn.file.utf8).write(to: file, options: .atomic)
    }
}
