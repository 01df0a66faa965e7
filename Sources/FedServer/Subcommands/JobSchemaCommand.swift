import ArgumentParser
import FederatedLearning

/// `fed-server job schema`: what a job file takes.
struct JobSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of a job file, by which editors complete and check it.",
        discussion: """
            In editors with the YAML language server, the first line of a job may be:
            # yaml-language-server: $schema=job.schema.json
            The schema judges each value alone. What does not go together is refused when the job is submitted.
            """
    )

    func run() {
        print(JobSchema.text)
    }
}
