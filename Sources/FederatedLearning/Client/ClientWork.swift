package import Adapters
package import Aggregation

/// The client half of a round: turns an order and its adapter into an update, or into a report.
///
/// The daemon and the simulator call it, so both do the same: what does not fit is refused before anything is computed,
/// and what leaves the silo is stripped to the tensors that were handed out.
package struct ClientWork: Sendable {
    package let client: ClientID
    /// The largest rank that this silo is willing to train.
    package let maximumRank: Int
    /// The SHA-256 of the weights of the base model that `trainer` holds.
    package let modelDigest: ContentDigest
    /// What `trainer` can do.
    package let tasks: Set<JobConfiguration.Task>
    private let trainer: any LocalTrainer

    package init(
        client: ClientID,
        maximumRank: Int,
        modelDigest: ContentDigest,
        tasks: Set<JobConfiguration.Task> = [.sequenceClassification],
        trainer: any LocalTrainer
    ) {
        self.client = client
        self.maximumRank = maximumRank
        self.modelDigest = modelDigest
        self.tasks = tasks
        self.trainer = trainer
    }

    /// Checks an order before its adapter is fetched.
    package func check(_ order: WorkOrder) throws(OrderRefusal) {
        let assignment = order.assignment
        guard assignment.modelDigest == modelDigest else {
            throw .model(name: assignment.model, expected: assignment.modelDigest, found: modelDigest)
        }
        guard tasks.contains(assignment.task) else { throw .task(assignment.task) }
        let (adapter, job) = (order.adapter, assignment.adapter)
        guard (1...max(job.rank, 1)).contains(adapter.rank) else {
            throw .order(reason: "its adapter has rank \(adapter.rank), outside 1 to the job's \(job.rank).")
        }
        guard adapter.alpha == job.alpha, adapter.usesRankStabilizedScaling == job.usesRankStabilizedScaling else {
            throw .order(reason: "its adapter is scaled otherwise than the job's `lora_alpha` and `use_rslora` say.")
        }
        // Evaluating needs no memory for gradients, so the global adapter is judged at its full rank everywhere.
        guard order.id.kind == .evaluate || adapter.rank <= maximumRank else {
            throw .rank(adapter.rank, largest: maximumRank)
        }
    }

    /// Trains the adapter of a training order.
    ///
    /// - Returns: The update to offer. The same adapter always has the same payload and digest.
    /// - Throws: ``OrderRefusal`` when the order or its adapter does not fit,
    ///   ``FederatedLearningError/unusableOutcome(reason:)`` when what the trainer returns must not be sent, and the
    ///   trainer's own errors.
    package func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> FinishedUpdate {
        try check(order)
        let requirements = try check(adapter, of: order)
        let outcome = try await trainer.train(adapter, for: order, progress: progress)
        guard outcome.exampleCount >= 1 else {
            throw FederatedLearningError.unusableOutcome(
                reason: "it claims \(outcome.exampleCount) training examples. Check the silo's data."
            )
        }
        let trained = outcome.adapter.strippedToTensors(of: adapter)
        do {
            try requirements.check(trained, source: "the trained adapter")
        } catch {
            throw FederatedLearningError.unusableOutcome(reason: error.description)
        }
        let payload = AdapterPayload.bytes(of: trained)
        let offer = UpdateOffer(
            client: client,
            order: order.id,
            adapter: AdapterReference(
                digest: ContentDigest(hashing: payload),
                byteCount: payload.count,
                rank: order.adapter.rank,
                alpha: order.adapter.alpha,
                usesRankStabilizedScaling: order.adapter.usesRankStabilizedScaling
            ),
            exampleCount: outcome.exampleCount,
            metrics: PeerText.figures(outcome.metrics)
        )
        return FinishedUpdate(offer: offer, payload: payload)
    }

    /// Evaluates the adapter of an evaluation order.
    ///
    /// - Throws: ``OrderRefusal`` when the order or its adapter does not fit, and the trainer's own errors.
    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try check(order)
        _ = try check(adapter, of: order)
        let report = try await trainer.evaluate(adapter, for: order)
        return EvaluationReport(
            exampleCount: max(0, report.exampleCount),
            metrics: PeerText.figures(report.metrics)
        )
    }

    /// Checks a fetched adapter against its order, and returns what the trained one has to be.
    private func check(_ adapter: LoRAAdapter, of order: WorkOrder) throws(OrderRefusal) -> AdapterRequirements {
        let job = order.assignment.adapter
        let requirements = AdapterRequirements(
            likeness: adapter,
            rank: order.adapter.rank,
            scaling: order.adapter.scaling
        )
        do {
            try requirements.check(adapter, source: "the handed adapter")
            let targets = TargetModules.names(job.targetModules)
            let paths = adapter.modules.keys.sorted()
            let (targeted, unmatched) = try targets.select(from: paths)
            if let stray = Set(paths).subtracting(targeted).min() {
                throw OrderRefusal.adapter(reason: "it adapts '\(stray)', which `target_modules` does not name.")
            }
            if let missing = unmatched.min() {
                throw OrderRefusal.adapter(reason: "it adapts no '\(missing)', which `target_modules` names.")
            }
        } catch let refusal as OrderRefusal {
            throw refusal
        } catch {
            throw .adapter(reason: "\(error)")
        }
        for name in adapter.savedTensors.keys.sorted() {
            let isSaved = job.modulesToSave.contains { name.hasPrefix($0 + ".") || name.contains(".\($0).") }
            guard isSaved else {
                throw .adapter(reason: "it carries '\(name)', which `modules_to_save` does not name.")
            }
        }
        return requirements
    }
}

extension LoRAAdapter {
    /// Drops every tensor that `handed` does not have.
    fileprivate func strippedToTensors(of handed: LoRAAdapter) -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.filter { handed.modules[$0.key] != nil },
            savedTensors: savedTensors.filter { handed.savedTensors[$0.key] != nil }
        )
    }
}
