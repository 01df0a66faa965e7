import ArgumentParser
import Coordinator
import Foundation
import Terminal

/// `fed-server client logs`: what a client writes into its log, where its silo lets the server read it.
struct ClientLogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show a connected client's log, what its trainer says included.",
        discussion: """
            The silo's policy.yaml has to say `logs: allowed`. Once a job has begun whose privacy hides the silo's data from the \
            server, nothing more is shown until the client is started again.
            """
    )

    @Argument(help: "The client's name.")
    var name: String

    @Flag(help: "Go on until Ctrl-C.")
    var follow = false

    @OptionGroup var state: StateOptions

    /// How often new lines are asked for while there are none.
    private static let interval = Duration.milliseconds(500)

    func run() async throws {
        let server = try state.runningServer()
        var next: UInt64 = 0
        while true {
            let log = try await server.log(of: name, from: next)
            if log.first < next {
                // The client was started again, and counts anew.
                next = 0
                continue
            }
            for line in log.lines { print(line) }
            guard StandardOutput.flush() else { throw ExitCode.failure }
            next = log.next
            guard log.lines.isEmpty else { continue }
            guard follow else { return }
            try await Task.sleep(for: Self.interval)
        }
    }
}
