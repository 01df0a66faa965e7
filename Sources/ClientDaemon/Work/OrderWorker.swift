private import Adapters
package import Aggregation
package import FederatedLearning
private import Foundation
package import Transport
private import WireProtocol

/// Does one order at a time: reads its adapter, has it trained or evaluated, and puts an update into the outbox.
package struct OrderWorker: Sendable {
    /// How work ended.
    package enum Outcome: Sendable {
        /// The update is durable in the outbox.
        case trained(UnjudgedUpdate)
        case evaluated(EvaluationReport)
        case failed(any Error)
        /// The adapter's payload has to be fetched again.
        case payloadLost
        /// It was told to stop.
        case stopped
    }

    private let client: ClientID
    private let maximumRank: Int
    private let trainers: any TrainerProvider
    private let payloads: PayloadStore
    private let outbox: Outbox
    private let memory: any ClientMemory
    private let book: (any PrivacyBook)?
    private let checkpoints: CheckpointFile?

    /// Creates a worker.
    ///
    /// - Parameters:
    ///   - client: Who works.
    ///   - maximumRank: The largest rank that it trains.
    ///   - trainers: Gives the trainer for an order.
    ///   - payloads: Where the adapters are that orders start from.
    ///   - outbox: Where finished updates go.
    ///   - memory: What the client keeps of its jobs between rounds.
    ///   - book: Counts what was released with noise.
    ///   - checkpoints: Where the trainer keeps a training while it lasts.
    package init(
        client: ClientID,
        maximumRank: Int,
        trainers: any TrainerProvider,
        payloads: PayloadStore,
        outbox: Outbox,
        memory: any ClientMemory,
        book: (any PrivacyBook)? = nil,
        checkpoints: CheckpointFile? = nil
    ) {
        self.book = book
        self.checkpoints = checkpoints
        self.client = client
        self.maximumRank = maximumRank
        self.trainers = trainers
        self.payloads = payloads
        self.outbox = outbox
        self.memory = memory
    }

    /// Works on an order whose payload is here.
    @concurrent
    package func work(
        on order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async -> Outcome {
        do {
            let digest = PayloadDigest(order.adapter.digest)
            guard payloads.contains(digest), try await payloads.isIntact(digest) else { return .payloadLost }
            let model = try await trainers.trainer(for: order)
            let work = ClientWork(
                client: client,
                maximumRank: maximumRank,
                modelDigest: model.digest,
                tasks: model.tasks,
                trainer: model.trainer,
                memory: memory,
                book: book
            )
            let adapter = try readAdapter(of: order)
            switch order.id.kind {
            case .train:
                return .trained(try await train(adapter, for: order, by: work, progress: progress))
            case .evaluate:
                return .evaluated(try await work.evaluate(adapter, for: order))
            }
        } catch {
            return error is CancellationError || Task.isCancelled ? .stopped : .failed(error)
        }
    }

    private func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by work: ClientWork,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> UnjudgedUpdate {
        let finished = try await work.train(adapter, for: order, progress: progress)
        let update = UnjudgedUpdate(
            order: order,
            adapter: finished.offer.adapter,
            exampleCount: finished.offer.exampleCount,
            metrics: AllowedFigures.filter(finished.offer.metrics)
        )
        try await outbox.insert(update, payload: Data(finished.payload))
        checkpoints?.remove()
        return update
    }

    private func readAdapter(of order: WorkOrder) throws -> LoRAAdapter {
        do {
            return try AdapterPayload.adapter(
                fromFileAt: payloads.path(of: PayloadDigest(order.adapter.digest)),
                rank: order.adapter.rank,
                alpha: order.adapter.alpha,
                usesRankStabilizedScaling: order.adapter.usesRankStabilizedScaling,
                source: "the payload"
            )
        } catch {
            throw OrderRefusal.adapter(reason: error.description)
        }
    }
}
