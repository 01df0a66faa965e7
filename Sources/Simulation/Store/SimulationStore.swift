package import Adapters
package import FederatedLearning

/// The state of one simulated run, in memory, and on disk after each round.
///
/// Adapters that the server keeps stay as they are; updates stay the bytes that were sent and are read in place. What no
/// later step can ask for is dropped when a round is committed.
package actor SimulationStore: RunStore {
    private let job: JobID
    private nonisolated let recorder: RunRecorder
    /// The job's seed and labels say when a round's figures are complete.
    private nonisolated let configuration: JobConfiguration
    private var state: RunState
    private var adapters: [ContentDigest: LoRAAdapter]
    private var updates: [ContentDigest: [UInt8]]
    /// Updates of the open round that were read already: each is asked for when it comes and when it is combined.
    private var opened: [AdapterReference: StoredAdapter] = [:]
    private var save: (@Sendable (SavedRun) async throws -> Void)?

    /// Creates a store, empty or with what was saved.
    package init(job: JobID, configuration: JobConfiguration, recorder: RunRecorder, saved: SavedRun? = nil) {
        self.job = job
        self.configuration = configuration
        self.recorder = recorder
        self.state = saved?.state ?? RunState()
        self.adapters = saved?.adapters ?? [:]
        self.updates = saved?.updates ?? [:]
    }

    /// What of a run has to be kept so that it can go on.
    package struct SavedRun: Sendable, Equatable {
        package var state: RunState
        package var adapters: [ContentDigest: LoRAAdapter]
        package var updates: [ContentDigest: [UInt8]]

        package init(
            state: RunState,
            adapters: [ContentDigest: LoRAAdapter],
            updates: [ContentDigest: [UInt8]]
        ) {
            self.state = state
            self.adapters = adapters
            self.updates = updates
        }
    }

    /// Has `save` called with the state after every round, when all its figures are known.
    package func onRoundEnd(_ save: @escaping @Sendable (SavedRun) async throws -> Void) {
        self.save = save
    }

    // MARK: - The run's

    package func state(of job: JobID) -> RunState { job == self.job ? state : RunState() }

    package func apply(_ change: RunChange, to job: JobID) async throws {
        guard job == self.job else { return }
        state.apply(change)
        switch change {
        case .measured(let measurements):
            recorder.measured(measurements)
        case .began(let initial):
            recorder.began(with: try adapter(initial))
        case .committed(let round, let global, _, _):
            dropWhatIsOver()
            recorder.committed(round: round, global: try adapter(global))
            if !configuration.evaluates(after: round) { try await endRound(round) }
        case .evaluated(let round):
            recorder.evaluated(round: round)
            try await endRound(round)
        case .opened:
            opened = [:]
        case .assigned, .accepted, .joined, .charged, .abandoned, .finished, .exhausted, .failed, .cancelled:
            break
        }
    }

    private func endRound(_ round: Int) async throws {
        guard round > 0, let save else { return }
        try await save(SavedRun(state: state, adapters: adapters, updates: updates))
    }

    package func adapter(_ reference: AdapterReference) throws -> LoRAAdapter {
        guard let adapter = adapters[reference.digest] else { throw StoredAdapterError.missing(reference.digest) }
        return adapter
    }

    package func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) throws -> StoredAdapter {
        // In a round, all who train at one rank were handed the same; in asynchronous rounds that is not so.
        let isRound = configuration.asynchronous == nil
        if isRound, let known = opened[reference] { return known }
        guard let payload = updates[reference.digest] else { throw StoredAdapterError.missing(reference.digest) }
        do {
            let update = try AdapterPayload.update(
                from: SafetensorsFile(bytes: payload, source: "an update", limits: .payload),
                scale: reference.scale,
                scope: scope,
                handed: handed
            )
            if isRound { opened[reference] = update }
            return update
        } catch {
            throw StoredAdapterError.unreadable(reference.digest, reason: error.description)
        }
    }

    package func keep(_ adapter: LoRAAdapter) -> AdapterReference {
        let payload = AdapterPayload.bytes(of: adapter)
        let digest = ContentDigest(hashing: payload)
        adapters[digest] = adapter
        let module = adapter.modules.min { $0.key < $1.key }?.value
        return AdapterReference(
            digest: digest,
            byteCount: payload.count,
            rank: adapter.maximumRank,
            alpha: module?.alpha ?? 1,
            usesRankStabilizedScaling: module?.usesRankStabilizedScaling ?? false
        )
    }

    // MARK: - The cohort's

    /// Keeps what a client sent.
    func insert(_ update: FinishedUpdate) {
        updates[update.offer.adapter.digest] = update.payload
    }

    /// Forgets an update that nobody takes.
    func forget(_ digest: ContentDigest) {
        guard !state.asynchronous.buffer.contains(where: { $0.offer.adapter.digest == digest }),
            state.openRound?.accepted.values.contains(where: { $0.adapter.digest == digest }) != true
        else { return }
        updates[digest] = nil
    }

    private func dropWhatIsOver() {
        opened = [:]
        let progress = state.asynchronous
        let open = progress.tasks.keys.compactMap { progress.openTask(of: $0)?.adapter }
        let references = [state.global, state.moments?.first, state.moments?.second].compactMap { $0 }
        let kept = Set((references + open + progress.buffer.map(\.task.adapter)).map(\.digest))
        adapters = adapters.filter { kept.contains($0.key) }
        let waiting = Set(progress.buffer.map(\.offer.adapter.digest))
        updates = updates.filter { waiting.contains($0.key) }
    }
}
