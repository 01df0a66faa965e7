import ArgumentParser
import Foundation
import LinearAlgebra
import Terminal

/// The program on each silo: joins a federation, and trains on local data when the server asks.
@main
struct FedClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-client",
        abstract: "Takes part in a federation: trains adapters on this silo's data when the server asks.",
        discussion: """
            Exit codes: 0 done; 1 failed while running; 2 wrong usage or configuration; 3 refused by the federation or \
            the silo's policy; 4 the server is unreachable.
            """,
        subcommands: [
            Join.self, Run.self, Status.self, Doctor.self, Train.self, Evaluate.self, ImportGGUF.self, Schema.self,
        ]
    )

    static func main() async {
        // Once, before any product is computed.
        BLASThreads.useCallingThreadOnly()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            guard StandardOutput.flush() else { throw ExitCode.failure }
        } catch {
            Foundation.exit(report(error))
        }
    }

    /// Tells the user about `error`, and returns the program's exit code.
    private static func report(_ error: any Error) -> Int32 {
        switch exitCode(for: error) {
        case .success:
            print(fullMessage(for: error))
            return ExitStatus.done.rawValue
        case .validationFailure:
            StandardError.write(fullMessage(for: error))
            return ExitStatus.usage.rawValue
        default:
            if let code = error as? ExitCode { return code.rawValue }
            StandardError.write("fed-client: \(error)")
            return ExitStatus(of: error).rawValue
        }
    }
}
