package import Adapters
import Aggregation
package import FederatedLearning
package import Training

/// Trains simulated clients with the trainer that `fed-client` has, on one model and one corpus that all share.
package struct EngineTrainer: SimulatedTrainer {
    package let groupSize: Int
    package let tasks: Set<JobConfiguration.Task>
    private let engine: TrainingEngine
    private let fusing: FusingPolicy

    /// - Parameters:
    ///   - engine: Trains.
    ///   - tasks: What its model can be trained for.
    ///   - groupSize: How many clients are handed to it at a time: enough for it to fuse small steps.
    ///   - fusing: How many clients' steps go through the model together.
    package init(
        engine: TrainingEngine,
        tasks: Set<JobConfiguration.Task>,
        groupSize: Int = 16,
        fusing: FusingPolicy = .automatic
    ) {
        self.engine = engine
        self.tasks = tasks
        self.groupSize = groupSize
        self.fusing = fusing
    }

    package func workload(of client: SimulatedClient, for order: WorkOrder) -> Workload {
        let extent = LocalTraining.extent(
            of: client.trainingRows,
            client: client.id.rawValue,
            task: TrainingTask(order),
            corpus: engine.corpus
        )
        return Workload(steps: extent.steps, tokens: extent.tokens)
    }

    package func train(_ requests: [TrainingRequest]) async -> [Result<TrainingOutcome, any Error>] {
        let trainings = requests.map { request in
            LocalTraining(
                client: request.client.id.rawValue,
                adapter: request.adapter,
                task: TrainingTask(request.order),
                rows: request.client.trainingRows,
                noise: .simulation
            )
        }
        return await engine.train(trainings, fusing: fusing)
    }

    package func evaluate(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by clients: [SimulatedClient]
    ) async throws -> GroupEvaluation {
        let task = TrainingTask(order)
        let rows = clients.map { task.evaluationRows(among: $0.heldOutRows, client: $0.id.rawValue) }
        // Clients may hold the same rows: each is judged once.
        let judged = Set(rows.joined()).sorted()
        let outputs = try await engine.outputs(of: judged, adapter: adapter, task: task)
        let places = Dictionary(uniqueKeysWithValues: zip(judged, 0...))
        func report(on rows: [Int]) async throws -> EvaluationReport {
            try await engine.report(on: rows.compactMap { places[$0] }.map { outputs[$0] }, of: rows, task: task)
        }
        var reports: [EvaluationReport] = []
        for rows in rows { reports.append(try await report(on: rows)) }
        return GroupEvaluation(reports: reports, pooled: try await report(on: rows.flatMap { $0 }))
    }
}
