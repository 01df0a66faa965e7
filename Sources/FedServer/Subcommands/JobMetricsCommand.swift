import Aggregation
import ArgumentParser
import Coordinator
import FederatedLearning
import Foundation

struct JobMetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print everything that was measured, of every client and round."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    @Flag(help: "Print CSV.")
    var csv = false

    func validate() throws {
        if listing.json, csv { throw ValidationError("Give `--json` or `--csv`, not both.") }
    }

    func run() async throws {
        let measurements = try await state.open().openStore().jobs.measurements(of: job.id)
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
}
