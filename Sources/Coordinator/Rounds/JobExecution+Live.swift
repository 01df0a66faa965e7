package import Aggregation
package import FederatedLearning
import Foundation
import Logging
import Metrics

extension JobExecution {
    /// Prepares a job to be run over the sessions of a server.
    ///
    /// - Throws: Why the job cannot be run: its strategy or its base model.
    static func live(
        _ job: JobRecord,
        store: CoordinatorStore,
        registry: SessionRegistry,
        metrics: CoordinatorMetrics,
        logger: Logger
    ) throws -> JobExecution {
        let configuration = job.configuration
        let model = URL(fileURLWithPath: job.submission.modelPath, isDirectory: true)
        let run = FederatedRun(
            job: job.id,
            configuration: configuration,
            modelDigest: job.submission.modelDigest,
            strategy: try configuration.makeStrategy(),
            backend: LiveCohortBackend(registry: registry),
            store: store.runs,
            logger: logger,
            initialAdapter: { try InitialAdapter(for: configuration, model: model).make() },
            observe: { event in
                switch event {
                case .committed: metrics.roundsCommitted.increment()
                case .abandoned: metrics.roundsAbandoned.increment()
                default: break
                }
            }
        )
        return JobExecution(
            run: {
                _ = try await run.run()
                await registry.settle(job.id)
            },
            cancel: { run.cancel() }
        )
    }
}

extension JobConfiguration {
    /// Returns the strategy that the job names.
    ///
    /// - Throws: ``AggregationError`` with the names that there are.
    package func makeStrategy() throws -> any AggregationStrategy {
        try StrategyRegistry.strategy(named: strategy.name, mode: strategy.mode?.rawValue)
    }
}
