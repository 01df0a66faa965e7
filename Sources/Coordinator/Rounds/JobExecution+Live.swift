import Aggregation
import FederatedLearning
import Foundation
import Logging

extension JobExecution {
    /// Prepares a job to be run over the sessions of a server.
    ///
    /// - Throws: Why the job cannot be run: its strategy or its base model.
    static func live(
        _ job: JobRecord,
        store: CoordinatorStore,
        registry: SessionRegistry,
        metrics: CoordinatorMetrics,
        logger: Logger,
        storageFailed: @escaping @Sendable (any Error) -> Void
    ) throws -> JobExecution {
        let configuration = job.configuration
        let model = URL(fileURLWithPath: job.submission.modelPath, isDirectory: true)
        let aggregation = try configuration.aggregationPlan().aggregation
        let spans = RoundSpans(of: job.id, named: configuration.name)
        let run = FederatedRun(
            job: job.id,
            configuration: configuration,
            modelDigest: job.submission.modelDigest,
            aggregation: aggregation,
            backend: LiveCohortBackend(registry: registry, store: store.runs, storageFailed: storageFailed),
            store: store.runs,
            logger: logger,
            initialAdapter: {
                try configuration.readStart(besides: model)?.adapter
                    ?? InitialAdapter(for: configuration, model: model).make()
            },
            observe: { event in
                metrics.observe(event)
                spans.observe(event)
            }
        )
        return JobExecution(
            run: {
                defer { spans.end() }
                _ = try await run.run()
                await registry.settle(job.id)
            },
            cancel: { run.cancel() }
        )
    }
}
