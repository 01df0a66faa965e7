import Adapters
import ArgumentParser
import ClientDaemon
import FederatedLearning
import Foundation
import LinearAlgebra
import Logging
import TestSupport
import Transport

/// One client process, which prints a line for every update that the server has acknowledged.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Be one of the clients.",
        shouldDisplay: false
    )

    @Option var dir: String
    /// Which element of the head this client adds to.
    @Option var element: Int
    @Option var rank: Int

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let directory = ClientDirectory(URL(fileURLWithPath: dir, isDirectory: true))
        var configuration = try ConfigurationFile.read(from: directory)
        configuration.maximumRank = rank
        let client = FederationClient(
            directory: directory,
            configuration: configuration,
            membership: try Membership(of: directory, configuration: configuration),
            trainers: OneTrainer(
                trainer: SlowTrainer(
                    base: ConstantTrainer(
                        element: element,
                        delta: Float(element + 1) / 8,
                        factorDelta: 0.125,
                        exampleCount: element + 1
                    )
                )
            ),
            backoff: ReconnectBackoff(first: .milliseconds(20), longest: .milliseconds(500)),
            logger: Logger(label: "client") { _ in SwiftLogNoOpLogHandler() },
            observe: { event in
                guard case .judged(let id, .accepted) = event else { return }
                FileHandle.standardOutput.write(Data("\(id.job) \(id.round)\n".utf8))
            }
        )
        try await client.run()
    }
}

/// Gives one trainer for every order.
private struct OneTrainer: TrainerProvider {
    let trainer: any LocalTrainer

    func trainer(for order: WorkOrder) async throws -> ResidentModel {
        ResidentModel(digest: order.assignment.modelDigest, trainer: trainer)
    }
}

/// Takes a moment for every order, so that there is something to be killed in the middle of.
private struct SlowTrainer: LocalTrainer {
    let base: ConstantTrainer

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        try await Task.sleep(for: .milliseconds(Int.random(in: 5...60)))
        return try await base.train(adapter, for: order, progress: progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await base.evaluate(adapter, for: order)
    }
}
