import ArgumentParser
import FederatedLearning

struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Submit, watch and export jobs.",
        subcommands: [
            JobSubmitCommand.self, JobListCommand.self, JobStatusCommand.self, JobWaitCommand.self,
            JobCancelCommand.self, JobMetricsCommand.self, JobExportCommand.self, JobSchemaCommand.self,
        ]
    )
}

/// The job that a command is about.
struct JobOptions: ParsableArguments {
    @Argument(help: "The job, as `job submit` printed it.")
    var id: JobID
}

extension JobID: ExpressibleByArgument {}
