import ArgumentParser
import ClientDaemon
import FederatedLearning

/// Prints what the two files of a steward take.
struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema of client.yaml or policy.yaml, by which editors complete and check them."
    )

    enum File: String, CaseIterable, ExpressibleByArgument {
        case client, policy
    }

    @Argument(help: "Which file: client or policy.")
    var file = File.client

    func run() {
        switch file {
        case .client: print(ConfigurationSchema.client.document(title: "A Tributary client"))
        case .policy: print(ConfigurationSchema.policy.document(title: "A Tributary silo's policy"))
        }
    }
}
