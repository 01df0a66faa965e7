import ArgumentParser
import Coordinator

struct JobStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show where a job stands, with every complete round."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let report = try await state.open().openStore().jobs.report(of: job.id)
        if listing.json {
            try Printed.json(report)
            return
        }
        let summary = report.summary
        print("\(summary.name): \(summary.phase.rawValue), \(summary.committedRounds) of \(summary.rounds) rounds")
        if let reason = summary.reason { print(reason) }
        guard let first = report.completeRounds.first else { return }
        let table = RoundTable(silos: first.silos.keys.sorted(), showsEpsilon: summary.isCharged)
        print(table.header)
        for round in report.completeRounds { print(table.line(round)) }
    }
}
