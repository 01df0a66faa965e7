import ArgumentParser
import Coordinator
import Foundation
import Terminal

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a state directory of a backup.",
        discussion: """
            Compares every file with the backup's record, and never writes over what is there. What happened after the backup \
            is not in it: revoke again whom you revoked since, and invite again who joined since.
            """
    )

    @Argument(help: "The folder that `fed-server backup` made.", completion: .directory)
    var backup: String

    @OptionGroup var state: StateOptions

    func run() async throws {
        let (directory, manifest) = try StateDirectory.restore(
            from: URL(fileURLWithPath: backup, isDirectory: true),
            at: state.location
        )
        print(directory.root.path)
        for path in manifest.missing {
            StandardError.write("'\(path)' was missing or damaged when the backup was made.")
        }
        StandardError.write(
            """
            As of \(Printed.date(manifest.madeAt)). Revoke again whom you revoked since, invite again who joined since, then \
            start it with `fed-server run --dir \(state.path)`.
            """
        )
    }
}
