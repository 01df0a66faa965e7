import ArgumentParser
import Coordinator
import Foundation

struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Shut a client out: its connection closes, and its certificate is refused from now on."
    )

    @Argument(help: "The client's name.")
    var name: String

    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        if let server = try directory.adminClient() {
            try await server.revoke(name)
        } else {
            try await directory.openStore().clients.revoke(name, now: Date())
        }
    }
}
