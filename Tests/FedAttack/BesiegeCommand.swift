import ArgumentParser
private import AttackSuite
private import Foundation

/// What `siege` starts as a process of its own.
struct BesiegeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "besiege",
        abstract: "Connect the sockets of a siege, as its standard input says, until that ends.",
        shouldDisplay: false
    )

    func run() async throws {
        let orders = readLine() ?? ""
        let besiegers = try JSONDecoder().decode(Besiegers.self, from: Data(orders.utf8))
        try await besiegers.run { claims in
            Output.line("\(claims)")
            while readLine() != nil {}
        }
    }
}
