import ArgumentParser
import ClientDaemon
import Foundation
import Logging

/// Checks everything that a daemon needs.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check directory, certificate, server, data and models, and say what to do about each."
    )

    @OptionGroup var options: DirectoryOptions

    @Option(help: ArgumentHelp("The data file, when it is not in client.yaml.", valueName: "file"))
    var data: String?

    @Option(
        name: .customLong("model"),
        help: ArgumentHelp("A base model's directory; may be given several times.", valueName: "folder")
    )
    var models: [String] = []

    func run() async throws {
        let checkup = Checkup(
            directory: options.directory,
            data: data.map { URL(fileURLWithPath: $0) },
            models: models.map { URL(fileURLWithPath: $0, isDirectory: true) },
            logger: .standardError(level: .error)
        )
        let findings = await checkup.run()
        for finding in findings {
            let subject = finding.subject.padding(toLength: 14, withPad: " ", startingAt: 0)
            print("\(finding.isWell ? "ok " : "FIX")  \(subject)\(finding.text)")
        }
        guard findings.allSatisfy(\.isWell) else { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
