import ArgumentParser

/// Kills a real server and real clients at random moments, over and over, and counts what became of their work.
///
/// The server is the program `fed-server`. The clients are processes of this program: the daemon with a trainer whose
/// updates show in the sum (`ConstantTrainer`), so that a lost or doubled update cannot hide.
@main
struct KillHarness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill-harness",
        abstract:
            "Kill server and clients with SIGKILL at random moments, and check that nothing acknowledged is lost.",
        subcommands: [RunCommand.self, ClientCommand.self],
        defaultSubcommand: RunCommand.self
    )
}
