import ArgumentParser
import Coordinator
import FederatedLearning

struct JobListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List every job, the latest last.")

    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let jobs = try await state.open().openStore().jobs.summaries()
        if listing.json {
            try Printed.json(jobs)
            return
        }
        Printed.table(
            ["JOB", "NAME", "STATE", "ROUNDS", "SUBMITTED"],
            jobs.map { job in
                [
                    job.id.rawValue, job.name, job.phase.rawValue, "\(job.committedRounds)/\(job.rounds)",
                    Printed.date(job.submittedAt),
                ]
            }
        )
    }
}
