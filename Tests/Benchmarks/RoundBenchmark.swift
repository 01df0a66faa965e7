import Adapters
import Aggregation
import ClientDaemon
import Coordinator
import FederatedLearning
import Foundation
import LinearAlgebra
import Logging
import Transport

/// What a round costs beside the training: orders, transfers both ways, records, aggregation and evaluation.
enum RoundBenchmark: Benchmark {
    static let name = "round"
    private static let clients = 4
    private static let rounds = 20

    static func run() async throws -> [Row] {
        guard let model = cachedModel else {
            return [Row("A round of 4 clients without training", figure: "not measured: run `make data` first")]
        }
        let seconds = try await withScratchFolder { try await medianRound(in: $0, model: model) }
        return [
            Row(
                "A round of 4 clients without training, adapters of 300 kB (rank 8 on query and value)",
                figure: seconds.milliseconds,
                yardstick: "50 ms",
                ratio: (seconds / 0.05).times
            )
        ]
    }

    private static var cachedModel: URL? {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["TRIBUTARY_CACHE"].map { URL(fileURLWithPath: $0) }
            ?? (environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache"))
            .appendingPathComponent("tributary")
        let model = cache.appendingPathComponent("models/minilm")
        return FileManager.default.fileExists(atPath: model.appendingPathComponent("config.json").path) ? model : nil
    }

    /// Runs a whole job in this process, over real TLS and a real state directory.
    private static func medianRound(in folder: URL, model: URL) async throws -> Double {
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let state = try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: ListenAddress(host: "127.0.0.1", port: 0),
            hosts: ["127.0.0.1"],
            now: .now
        )
        let (serving, servingContinuation) = AsyncStream.makeStream(of: BoundAddresses.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await CoordinatorServer(directory: state, logger: logger).run { servingContinuation.yield($0) }
            }
            guard let addresses = await serving.first(where: { _ in true }) else { return 0 }
            for index in 0..<clients {
                let directory = ClientDaemon.ClientDirectory(folder.appendingPathComponent("silo-\(index)"))
                let invitation = try await state.invite("silo-\(index)", validFor: 60, now: .now)
                _ = try await Membership.join(invitation.text, directory: directory, logger: logger)
                let configuration = try ConfigurationFile.read(from: directory)
                let membership = try Membership(of: directory, configuration: configuration)
                group.addTask {
                    try await FederationClient(
                        directory: directory,
                        configuration: configuration,
                        membership: membership,
                        trainers: InstantTrainers(),
                        logger: logger
                    ).run()
                }
            }
            let admin = AdminClient(address: addresses.admin, token: try state.adminToken())
            let job = try await admin.submit(
                JobSubmission(
                    yaml: yaml,
                    modelPath: model.path,
                    modelDigest: ModelDigest.of(directory: model)
                )
            )
            var finished: JobReport?
            for try await event in admin.events(of: job) {
                if case .phase(let report) = event, report.summary.phase.isFinal { finished = report }
            }
            let rounds = finished?.rounds ?? []
            let seconds = rounds.filter { $0.number > 1 }.compactMap(\.seconds).sorted()
            group.cancelAll()
            return seconds.isEmpty ? 0 : seconds[seconds.count / 2]
        }
    }

    private static let yaml = """
        name: round-overhead
        model: minilm
        task: sequence-classification
        labels: [very-negative, negative, neutral, positive, very-positive]
        adapter: {r: 8, lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
        strategy: {name: fedavg}
        rounds: \(rounds)
        cohort: {size: \(clients), minimum: \(clients), deadline: 1m}
        """
}

/// Gives back what it is given, at once.
private struct InstantTrainers: TrainerProvider {
    func trainer(for order: WorkOrder) async throws -> ResidentModel {
        ResidentModel(digest: order.assignment.modelDigest, trainer: Instant())
    }

    private struct Instant: LocalTrainer {
        func train(
            _ adapter: LoRAAdapter,
            for order: WorkOrder,
            progress: @escaping @Sendable (TrainingProgress) -> Void
        ) async throws -> TrainingOutcome {
            // A changed adapter, so that every upload is a new payload.
            var changed = adapter
            for name in changed.modules.keys { changed.modules[name]?.b[0, 0] += 1e-3 }
            return TrainingOutcome(adapter: changed, exampleCount: 100, metrics: [:])
        }

        func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
            EvaluationReport(exampleCount: 1, metrics: ["loss": 0, "accuracy": 1])
        }
    }
}
