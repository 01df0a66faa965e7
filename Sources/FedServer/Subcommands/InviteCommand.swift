import ArgumentParser
import Coordinator
import Foundation
import Transport

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Print a join string for each client.",
        discussion: """
            Prints a line for each name, in the order of the names. Give the line to whoever runs the client: it can be \
            used once, and only until it expires.
            """
    )

    @Argument(help: "What the clients are called from now on.")
    var names: [String]

    @Option(help: "How long the join string is good for, such as 10m, 2h or 1d.")
    var ttl = TimeToLive(seconds: 600)

    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        let now = Date()
        for name in names {
            print(try await directory.invite(name, validFor: ttl.seconds, now: now).text)
        }
    }
}
