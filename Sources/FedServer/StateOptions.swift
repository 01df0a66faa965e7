import ArgumentParser
import Coordinator
import Foundation

/// Where the server keeps everything.
struct StateOptions: ParsableArguments {
    @Option(name: .customLong("dir"), help: "The state directory.", completion: .directory)
    var path = "fed-server"

    /// Where the state directory is, or is to be.
    var location: URL { URL(fileURLWithPath: path, isDirectory: true) }

    /// Opens the state directory.
    func open() throws -> StateDirectory { try StateDirectory(opening: location) }

    /// Returns a client of the server that runs on the state directory.
    func runningServer() throws -> AdminClient {
        guard let client = try open().adminClient() else { throw CoordinatorError.serverNotRunning(path: path) }
        return client
    }
}

/// How a listing is printed.
struct ListingOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false
}
