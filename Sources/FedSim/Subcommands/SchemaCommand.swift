import ArgumentParser
import Simulation

/// Prints what an experiment file takes.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of an experiment, by which editors complete and check it."
    )

    func run() {
        print(ExperimentSchema.text)
    }
}
