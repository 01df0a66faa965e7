import ArgumentParser
import ClientDaemon
import Foundation
import Logging
import Terminal
import Transport

/// Checks everything that a daemon needs.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check directory, clock, certificate, server, data, models and trainer, and say what to do about each.",
        discussion: "Exit code 1 when something is to be mended. A running daemon is not disturbed."
    )

    @OptionGroup var options: DirectoryOptions

    @Option(help: ArgumentHelp("The data file, when it is not in client.yaml.", valueName: "file"), completion: .file())
    var data: String?

    @Option(
        name: .customLong("model"),
        help: ArgumentHelp("A base model's directory; may be given several times.", valueName: "folder"),
        completion: .directory
    )
    var models: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let checkup = Checkup(
            directory: options.directory,
            data: data.map { URL(fileURLWithPath: $0) },
            models: models.map { URL(fileURLWithPath: $0, isDirectory: true) },
            logger: .standardError(level: .error)
        )
        let findings = await checkup.run()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(findings), as: UTF8.self))
        } else {
            Checklist.write(findings.map { ($0.subject, $0.isWell, $0.text) })
        }
        guard findings.allSatisfy(\.isWell) else { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
