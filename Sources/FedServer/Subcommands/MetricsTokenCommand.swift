import ArgumentParser
import Coordinator

struct MetricsTokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics-token",
        abstract: "Print the token that lets Prometheus read figures, and nothing else.",
        discussion: """
            Put it into the file that `authorization: {credentials_file: …}` names in Prometheus's configuration. It follows \
            from the admin token, and changes with it.
            """
    )

    @OptionGroup var state: StateOptions

    func run() async throws {
        print(AdminToken.forMetrics(of: try state.open().adminToken()))
    }
}
