import ArgumentParser

/// Plays federations on a simulated clock, network and disk, with faults drawn from seeds, and checks what must hold.
@main
struct FedDST: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-dst",
        abstract:
            "Deterministic simulation testing: the shipped server and clients, simulated surroundings, faults by seed.",
        subcommands: [RunCommand.self, ReplayCommand.self, BugsCommand.self, FaultsCommand.self, WorkCommand.self],
        defaultSubcommand: RunCommand.self
    )
}
