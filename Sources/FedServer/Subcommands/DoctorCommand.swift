import ArgumentParser
import Coordinator
import Foundation
import Logging
import Terminal
import Transport

/// `fed-server doctor`: what the server needs, and what to do about what is missing.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check settings, keys, clock, disk, database, models and ports, and say what to do about each.",
        discussion: """
            Works whether the server runs or not. While it runs, its listeners are tried under the name that clients dial, with a \
            handshake; while it does not, its ports have to be free. Exit code 1 when something is to be mended.
            """
    )

    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        var logger = Logger(label: "tributary.doctor") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let findings = try await ServerCheckup(of: state.open(), logger: logger).run()
        if listing.json {
            try Printed.json(findings)
        } else {
            Checklist.write(findings.map { ($0.subject, $0.isWell, $0.text) })
        }
        guard findings.allSatisfy(\.isWell) else { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
