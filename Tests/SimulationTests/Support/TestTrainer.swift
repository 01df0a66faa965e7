import Adapters
import Aggregation
import FederatedLearning
import Synchronization

@testable import Simulation

/// Adds to the first number of the head how many rows a client has, and notes whom it was asked for.
final class TestTrainer: SimulatedTrainer {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "Its data are damaged." }
    }

    let groupSize: Int
    let tasks: Set<JobConfiguration.Task> = [.sequenceClassification]
    private let tokensPerRow: Int
    private let failing: Set<String>
    private let stopsInRound: Int?
    private let log = Mutex<[String]>([])

    /// - Parameters:
    ///   - groupSize: How many clients it takes at a time.
    ///   - tokensPerRow: How long every text is.
    ///   - failing: Clients whose training fails.
    ///   - stopsInRound: The round in which the task that trains is cancelled.
    init(groupSize: Int = 4, tokensPerRow: Int = 10, failing: Set<String> = [], stopsInRound: Int? = nil) {
        self.groupSize = groupSize
        self.tokensPerRow = tokensPerRow
        self.failing = failing
        self.stopsInRound = stopsInRound
    }

    /// The clients that were trained, in order.
    var trained: [String] { log.withLock { $0 } }

    func workload(of client: SimulatedClient, for order: WorkOrder) -> Workload {
        Workload(steps: 1, tokens: client.trainingRows.count * tokensPerRow)
    }

    func train(_ requests: [TrainingRequest]) async -> [Result<TrainingOutcome, any Error>] {
        if let stopsInRound, requests.contains(where: { $0.order.id.round == stopsInRound }) {
            withUnsafeCurrentTask { $0?.cancel() }
        }
        return requests.map { request in
            log.withLock { $0.append(request.client.id.rawValue) }
            guard !failing.contains(request.client.id.rawValue) else { return .failure(Failure()) }
            var adapter = request.adapter
            let count = request.client.trainingRows.count
            adapter.savedTensors["classifier.bias"]?.elements[0] += Float(count)
            return .success(
                TrainingOutcome(adapter: adapter, exampleCount: count, metrics: ["loss": 0.5], stepCount: 1)
            )
        }
    }

    func evaluate(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by clients: [SimulatedClient]
    ) async throws -> GroupEvaluation {
        let reports = clients.map { client in
            EvaluationReport(
                exampleCount: client.heldOutRows.count,
                metrics: ["loss": 1, "accuracy": client.heldOutRows.count.isMultiple(of: 2) ? 1 : 0]
            )
        }
        let total = reports.reduce(0) { $0 + $1.exampleCount }
        return GroupEvaluation(reports: reports, pooled: EvaluationReport(exampleCount: total, metrics: ["loss": 1]))
    }
}
