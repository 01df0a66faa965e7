import ArgumentParser
import Coordinator
import Foundation
import LinearAlgebra
import Logging

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve until SIGTERM or Ctrl-C."
    )

    @OptionGroup var state: StateOptions

    @Option(help: "How much to log: \(Self.logLevels).", transform: Self.logLevel)
    var logLevel = Logger.Level.info

    @Option(help: "How to log: text, for people, or json, an object a line.")
    var logFormat = LogFormat.text

    private static let logLevels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")

    private static func logLevel(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else {
            throw ValidationError("There is no log level '\(text)'. Use one of \(logLevels).")
        }
        return level
    }

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let (level, format) = (logLevel, logFormat)
        LoggingSystem.bootstrap { format.handler(label: $0, level: level) }
        // What a terminal shows is gone with it. A journal is kept, and read by others: no secret goes there.
        let dashboardToken = isatty(FileHandle.standardOutput.fileDescriptor) == 1 ? AdminToken.generate() : nil
        let directory = try state.open()
        let server = CoordinatorServer(
            directory: directory,
            dashboardToken: dashboardToken,
            logger: Logger(label: "tributary.server")
        )
        try await server.run { addresses in
            print(
                "Serving clients on \(addresses.federation), enrolment on \(addresses.enrolment), admin on \(addresses.admin)"
            )
            // After #, which browsers do not send.
            let way =
                dashboardToken.map { "login#\($0)" } ?? "login (the token is in '\(directory.root.path)/admin-token')"
            print("Dashboard: http://\(addresses.admin)/\(way)")
            fflush(nil)
        }
    }
}
