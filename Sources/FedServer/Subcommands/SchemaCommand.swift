import ArgumentParser
import Coordinator
import FederatedLearning

/// `fed-server schema`: what `server.yaml` takes.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of server.yaml, by which editors complete and check it.",
        discussion: "That of a job is printed by `fed-server job schema`."
    )

    func run() {
        print(ServerSettings.schema.document(title: "A Tributary server"))
    }
}
