import ArgumentParser
import DeterministicSimulation

/// Names the kinds of fault.
struct FaultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "faults", abstract: "Name the kinds of fault.")

    func run() {
        for (number, kind) in FaultKind.allCases.enumerated() { print("\(number + 1)  \(kind.rawValue)") }
    }
}
