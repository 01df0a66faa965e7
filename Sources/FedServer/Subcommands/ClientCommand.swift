import ArgumentParser

/// `fed-server client`: what concerns one client.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Look at one client.",
        subcommands: [ClientLogsCommand.self]
    )
}
