import ArgumentParser
import Coordinator
import Foundation
import Terminal

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy everything into a new folder, also while the server runs.",
        discussion: """
            The copy shows one moment: jobs, rounds, clients, keys and every adapter that they need, each compared with its \
            digest. It holds private keys: keep it as safe as the server. `fed-server restore` makes a state directory of \
            it. Exit code 1 when payloads were missing or damaged; everything else is in the backup then.
            """
    )

    @Argument(help: "The folder to make.", completion: .directory)
    var folder: String

    @OptionGroup var state: StateOptions

    func run() async throws {
        let outcome = try await StateBackup(of: state.open())
            .write(to: URL(fileURLWithPath: folder, isDirectory: true), now: Date())
        for damage in outcome.damage { StandardError.write("fed-server: \(damage)") }
        print(outcome.folder.path)
        let bytes = outcome.manifest.files.values.map(\.bytes).reduce(0, +)
        StandardError.write("\(outcome.manifest.files.count) files, \(Printed.bytes(bytes))")
        if !outcome.damage.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
