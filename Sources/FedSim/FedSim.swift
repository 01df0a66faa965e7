import ArgumentParser
import LinearAlgebra

/// The program that asks what data, device and rank heterogeneity do to a method: many clients in one process.
@main
struct FedSim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-sim",
        abstract: "Simulates a federation: the rounds of fed-server with N non-IID clients in one process."
    )
}
