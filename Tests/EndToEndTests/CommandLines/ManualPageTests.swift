import ArgumentParser
import Foundation
import Testing

@testable import FedClient
@testable import FedServer
@testable import FedSim

@Suite("Manual pages")
struct ManualPageTests {
    @Test(
        "are what the programs say of themselves",
        arguments: [
            ("fed-server", ServerCommand._dumpHelp()), ("fed-client", FedClient._dumpHelp()),
            ("fed-sim", SimulatorCommand._dumpHelp()),
        ]
    )
    func upToDate(program: String, help: String) throws {
        let folder = PythonProcess.package.appendingPathComponent("packaging")
        let (page, status) = try PythonProcess.run(
            folder.appendingPathComponent("make-manual").path,
            [],
            input: help
        )
        #expect(status == 0, "\(page.suffix(500))")
        let file = folder.appendingPathComponent("man/\(program).1")
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(page == committed, "Run `make man`.")
    }

    @Test("every argument of every command says what it is for")
    func abstracts() throws {
        for help in [ServerCommand._dumpHelp(), FedClient._dumpHelp(), SimulatorCommand._dumpHelp()] {
            let root = try JSONSerialization.jsonObject(with: Data(help.utf8)) as? [String: Any]
            let command = try #require(root?["command"] as? [String: Any])
            #expect(Self.silent(in: command, path: []).isEmpty)
        }
    }

    /// The arguments and commands without a word about them.
    private static func silent(in command: [String: Any], path: [String]) -> [String] {
        let path = path + [command["commandName"] as? String ?? "?"]
        let name = path.joined(separator: " ")
        let own = (command["abstract"] as? String ?? "").isEmpty ? [name] : []
        let arguments = (command["arguments"] as? [[String: Any]] ?? []).filter {
            ($0["abstract"] as? String ?? "").isEmpty && $0["shouldDisplay"] as? Bool ?? true
        }
        let commands = command["subcommands"] as? [[String: Any]] ?? []
        return own + arguments.map { "\(name) \($0["valueName"] ?? "?")" }
            + commands.filter { $0["commandName"] as? String != "help" }.flatMap { silent(in: $0, path: path) }
    }
}
