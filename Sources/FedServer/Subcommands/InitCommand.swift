import ArgumentParser
import Coordinator
import Foundation
import Terminal

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a state directory with a certificate authority and a server certificate."
    )

    @OptionGroup var state: StateOptions

    @Option(
        name: .customLong("host"),
        parsing: .upToNextOption,
        help: "Names or addresses under which clients reach this machine; the first goes into join strings."
    )
    var hosts: [String] = []

    @Option(
        help: "Where clients connect. Enrolment takes the next port, the admin API the one after that, on loopback."
    )
    var listen = "127.0.0.1:8443"

    func run() async throws {
        let directory = try StateDirectory.create(
            at: state.location,
            listen: ListenAddress(parsing: listen),
            hosts: hosts,
            now: Date()
        )
        print(directory.root.path)
        StandardError.write("Start the server with `fed-server run --dir \(state.path)`.")
    }
}
