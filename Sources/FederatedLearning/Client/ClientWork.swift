package import Adapters
package import Aggregation
package import DifferentialPrivacy

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
    let memory: any ClientMemory
    let book: any PrivacyBook
    let noiseKey: @Sendable (WorkOrder.ID) -> NoiseKey

    /// Prepares the work of one client.
    ///
    /// - Parameters:
    ///   - client: Whose work it is.
    ///   - maximumRank: The largest rank that this silo is willing to train.
    ///   - modelDigest: The SHA-256 of the weights of the base model that `trainer` holds.
    ///   - tasks: What `trainer` can do.
    ///   - trainer: Trains and evaluates.
    ///   - memory: What the client keeps from round to round.
    ///   - book: What the silo's privacy has cost; `nil` for one that ends with this value.
    ///   - noiseKey: What the noise of an update is made from: fresh and secret but in simulations.
    package init(
        client: ClientID,
        maximumRank: Int,
        modelDigest: ContentDigest,
        tasks: Set<JobConfiguration.Task> = [.sequenceClassification],
        trainer: any LocalTrainer,
        memory: any ClientMemory = VolatileMemory(),
        book: (any PrivacyBook)? = nil,
        noiseKey: @escaping @Sendable (WorkOrder.ID) -> NoiseKey = { _ in NoiseKey() }
    ) {
        self.client = client
        self.maximumRank = maximumRank
        self.modelDigest = modelDigest
        self.tasks = tasks
        self.trainer = trainer
        self.memory = memory
        self.book = book ?? SiloLedgers().book(of: client)
        self.noiseKey = noiseKey
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
        guard assignment.rules.pruning == nil || assignment.privacy?.mechanism != .local else {
            throw .order(reason: "it has the rank lowered and noise added, which needs the shape that was handed out.")
        }
        // Evaluating needs no memory for gradients, so the global adapter is judged at its full rank everywhere.
        guard order.id.kind == .evaluate || adapter.rank <= maximumRank else {
            throw .rank(adapter.rank, largest: maximumRank)
        }
    }

    /// Trains the adapter of a training order: ``begin(_:for:)``, the trainer, ``finish(_:with:)``.
    ///
    /// What stays on the client, and the rank that it has come down to, are remembered before this returns.
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
        let started = try await begin(adapter, for: order)
        let outcome = try await trainer.train(started.adapter, for: order, progress: tellable(progress, of: order))
        return try await finish(started, with: outcome)
    }

    /// Checks a training order, and makes of its adapter what this client trains.
    ///
    /// - Throws: ``OrderRefusal`` when the order or its adapter does not fit.
    package func begin(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> StartedWork {
        try check(order)
        _ = try check(adapter, of: order)
        try await book.check(order)
        let rules = order.assignment.rules
        let notes = try await notes(for: order)
        var start = personal(adapter, for: order, notes: notes)
        var controls: ControlVariates?
        if rules.usesControlVariates {
            let variates = ControlVariates(server: adapter.controls, own: notes?.adapter.controls ?? [:])
            controls = variates
            start.controls = variates.offset(for: start.trainedTensors(rules.scope.trained))
        }
        return StartedWork(order: order, handed: adapter, adapter: start, controls: controls)
    }

    /// Makes the update of what a training left.
    ///
    /// What stays on the client, and the rank that it has come down to, are remembered before this returns.
    ///
    /// - Throws: ``FederatedLearningError/unusableOutcome(reason:)`` when the outcome must not be sent.
    package func finish(_ started: StartedWork, with outcome: TrainingOutcome) async throws -> FinishedUpdate {
        let (order, start) = (started.order, started.adapter)
        let rules = order.assignment.rules
        var trained = try usableAdapter(of: outcome, after: started)
        if let pruning = rules.pruning {
            trained = trained.truncated(toRank: pruning.rank(before: start, after: trained))
        }
        trained.controls = [:]
        var kept = trained
        if let controls = started.controls {
            guard outcome.stepCount >= 1 else {
                throw FederatedLearningError.unusableOutcome(
                    reason: "its trainer does not say how many steps it took, which SCAFFOLD needs. Train without it."
                )
            }
            trained.controls = controls.change(
                from: start.trainedTensors(rules.scope.trained),
                to: trained.trainedTensors(rules.scope.trained),
                stepCount: outcome.stepCount,
                learningRate: order.assignment.training.learningRate
            )
            kept.controls = controls.next(after: trained.controls)
        }
        let sent = try await release(of: trained, after: started, outcome: outcome)
        if rules.needsMemory {
            try await memory.remember(ClientNotes(round: order.id.round, adapter: kept), of: order.id.job)
        }
        let payload = AdapterPayload.bytes(of: sent.adapter, scope: rules.scope)
        let offer = UpdateOffer(
            client: client,
            order: order.id,
            adapter: AdapterReference(
                digest: ContentDigest(hashing: payload),
                byteCount: payload.count,
                rank: max(trained.maximumRank, 1),
                alpha: order.adapter.alpha,
                usesRankStabilizedScaling: order.adapter.usesRankStabilizedScaling
            ),
            exampleCount: sent.exampleCount,
            metrics: PeerText.figures(sent.metrics)
        )
        return FinishedUpdate(offer: offer, payload: payload)
    }

    /// Checks what a trainer returned, and strips it to the tensors that were handed out.
    private func usableAdapter(
        of outcome: TrainingOutcome,
        after started: StartedWork
    ) throws(FederatedLearningError) -> LoRAAdapter {
        guard outcome.exampleCount >= 1 else {
            throw .unusableOutcome(
                reason: "it claims \(outcome.exampleCount) training examples. Check the silo's data."
            )
        }
        let trained = outcome.adapter.strippedToTensors(of: started.handed)
        let rank = max(started.adapter.maximumRank, 1)
        do {
            try AdapterRequirements(
                likeness: started.adapter,
                rank: rank,
                scaling: started.order.adapter.scaling(atRank: rank)
            ).check(trained, source: "the trained adapter")
        } catch {
            throw .unusableOutcome(reason: error.description)
        }
        return trained
    }

    /// Evaluates the adapter of an evaluation order.
    ///
    /// - Throws: ``OrderRefusal`` when the order or its adapter does not fit, and the trainer's own errors.
    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try check(order)
        _ = try check(adapter, of: order)
        let own = personal(adapter, for: order, notes: try await notes(for: order))
        let report = try await trainer.evaluate(own, for: order)
        return EvaluationReport(
            exampleCount: max(0, report.exampleCount),
            metrics: PeerText.figures(report.metrics)
        )
    }

    /// What this client noted before an order, where the rules need that.
    private func notes(for order: WorkOrder) async throws -> ClientNotes? {
        guard order.assignment.rules.needsMemory else { return nil }
        // An evaluation after a round sees what that round left.
        let round = order.id.kind == .train ? order.id.round : order.id.round + 1
        return try await memory.recall(order.id.job, before: round)
    }

    /// Returns what this client makes of a handed adapter: at the rank that it has come down to, and with its own parts in
    /// place of those that are not shared.
    private func personal(_ adapter: LoRAAdapter, for order: WorkOrder, notes: ClientNotes?) -> LoRAAdapter {
        guard let notes else { return adapter }
        let rules = order.assignment.rules
        var own = adapter
        if order.id.kind == .train, rules.pruning != nil, notes.adapter.maximumRank < adapter.maximumRank {
            own = adapter.truncated(toRank: notes.adapter.maximumRank)
        }
        if rules.scope.isPersonal { own.takePersonalParts(of: notes.adapter, scope: rules.scope) }
        return own
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
            if let start = job.start {
                _ = try start.parsed()
                guard adapter.modules.isEmpty, adapter.controls.isEmpty else {
                    throw OrderRefusal.adapter(
                        reason: "it has factors of LoRA, and its configuration is of another kind."
                    )
                }
                return requirements
            }
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
        if order.assignment.rules.pruning != nil, let path = adapter.modules.filter({ $1.core != nil }).keys.min() {
            throw .adapter(reason: "'\(path)' has a core, whose rank cannot be pruned.")
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
    /// Replaces what is trained but not shared by what `own` holds, where that has the same shape.
    fileprivate mutating func takePersonalParts(of own: LoRAAdapter, scope: UpdateScope) {
        for (path, module) in own.modules where modules[path]?.rank == module.rank {
            if scope.trained.includesA, !scope.sent.includesA { modules[path]?.a = module.a }
            if scope.trained.includesB, !scope.sent.includesB { modules[path]?.b = module.b }
        }
        guard !scope.sendsSavedTensors else { return }
        for (name, tensor) in own.savedTensors where savedTensors[name]?.shape == tensor.shape {
            savedTensors[name] = tensor
        }
    }

    /// Drops every tensor that `handed` does not have.
    fileprivate func strippedToTensors(of handed: LoRAAdapter) -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.filter { handed.modules[$0.key] != nil },
            savedTensors: savedTensors.filter { handed.savedTensors[$0.key] != nil }
        )
    }
}
