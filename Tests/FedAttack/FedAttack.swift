import ArgumentParser

/// Attacks a server of its own and reports what held.
@main
struct FedAttack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-attack",
        abstract: "Attacks a fed-server on loopback and checks what must hold afterwards.",
        subcommands: [
            RunCommand.self, ListCommand.self, SiegeCommand.self, BesiegeCommand.self, IdleCommand.self,
            CrowdCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )
}
