package import Adapters
package import FederatedLearning

/// Returns adapters as they are: what is measured with it is the simulator itself.
package struct NullTrainer: SimulatedTrainer {
    package let groupSize: Int
    package let tasks: Set<JobConfiguration.Task> = [.sequenceClassification, .causalLanguageModel]
    /// How long every text is, for the virtual time that a training takes.
    private let tokensPerText: Int

    package init(groupSize: Int = 64, tokensPerText: Int = 16) {
        self.groupSize = groupSize
        self.tokensPerText = tokensPerText
    }

    package func workload(of client: SimulatedClient, for order: WorkOrder) -> Workload {
        let training = order.assignment.training
        let perEpoch = (client.trainingRows.count + training.batchSize - 1) / training.batchSize
        let steps = min(perEpoch * training.epochs, training.maximumSteps ?? .max)
        let texts = min(client.trainingRows.count * training.epochs, steps * training.batchSize)
        return Workload(steps: steps, tokens: texts * tokensPerText)
    }

    package func train(_ requests: [TrainingRequest]) -> [Result<TrainingOutcome, any Error>] {
        requests.map { request in
            let workload = workload(of: request.client, for: request.order)
            return .success(
                TrainingOutcome(
                    adapter: request.adapter,
                    exampleCount: request.client.trainingRows.count,
                    metrics: ["steps": Double(workload.steps), "tokens": Double(workload.tokens)],
                    stepCount: workload.steps
                )
            )
        }
    }

    package func evaluate(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by clients: [SimulatedClient]
    ) -> GroupEvaluation {
        let reports = clients.map { EvaluationReport(exampleCount: $0.heldOutRows.count, metrics: [:]) }
        let total = reports.reduce(0) { $0 + $1.exampleCount }
        return GroupEvaluation(reports: reports, pooled: EvaluationReport(exampleCount: total, metrics: [:]))
    }
}
