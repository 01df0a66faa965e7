import ArgumentParser
import LinearAlgebra

/// What becomes of the server's store when the power fails at any instant, and when a bit turns on its disk.
///
/// The store is the real one: SQLite, its log and the payload files. What it does to its folder in three rounds is recorded
/// call by call (`CSystemCalls`), and every state in which a crash can leave the folder is put there and recovered from.
@main
struct StoreHarness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store-harness",
        abstract: "Recover the server's store from crashes, and find bits that turned in it.",
        subcommands: [CrashStatesCommand.self, FlippedBitsCommand.self]
    )

    static func main() async {
        BLASThreads.useCallingThreadOnly()
        await main(nil)
    }
}
