import ArgumentParser
import LinearAlgebra
import Simulation
import Terminal

/// `fed-sim`: its subcommands, and how it ends.
struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-sim",
        abstract: "Simulates a federation: the rounds of fed-server with N non-IID clients in one process.",
        version: Software.version,
        subcommands: [RunCommand.self, PartitionCommand.self, CompareCommand.self, SchemaCommand.self]
    )
}

/// The program that asks what data, device and rank heterogeneity do to a method: many clients in one process.
@main
enum FedSim {
    static func main() async {
        // Work is spread over threads by the simulator; the library's own would fight with them.
        BLASThreads.useCallingThreadOnly()
        do {
            var command = try SimulatorCommand.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            guard StandardOutput.flush() else { throw ExitCode.failure }
        } catch {
            ExitStatus.end(with: error)
        }
    }
}
