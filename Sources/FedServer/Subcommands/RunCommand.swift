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

    private static let logLevels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")

    private static func logLevel(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else {
            throw ValidationError("There is no log level '\(text)'. Use one of \(logLevels).")
        }
        return level
    }

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let level = logLevel
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let server = try CoordinatorServer(directory: state.open(), logger: Logger(label: "tributary.server"))
        try await server.run { addresses in
            print(
                "Serving clients on \(addresses.federation), enrolment on \(addresses.enrolment), admin on \(addresses.admin)"
            )
            fflush(nil)
        }
    }
}
