import Adapters
package import Aggregation
package import FederatedLearning

/// The clients of a simulation: a ``CohortBackend`` on virtual time.
///
/// Clients are a seed and the indices of their rows. What a client does with an order has a beginning, an end that follows
/// from its device and its workload, and a transfer; nothing is computed before virtual time comes near that end, so that
/// stragglers which are too late cost nothing. Judging an adapter is the observer's work: it takes no time and no bytes.
///
/// ```
/// send ─▶ latency + download ─▶ training ─▶ trained: compute, finish ─▶ latency + upload ─▶ delivered: offer ─▶ answer
///                                   └▶ failed: it dropped out            (withdrawn at any time: it was late)
/// ```
package actor SimulatedCohort: CohortBackend, VirtualWorld {
    /// An order to train that a client has not delivered.
    struct Work {
        let order: WorkOrder
        let client: SimulatedClient
        let number: Int
        let attempt: Int
        let start: Duration
        /// When the local training ends.
        let end: Duration
        let workload: Workload
        let isFailing: Bool
        var computed: Result<Computed, any Error>?
        var finished: FinishedUpdate?
    }

    /// A training that was computed ahead of its end.
    struct Computed {
        let started: StartedWork
        let outcome: TrainingOutcome
    }

    private struct Judgement {
        let order: WorkOrder.ID
        var waiting: [Int: WorkOrder] = [:]
        var results: [Int: Result<EvaluationReport, any Error>] = [:]
    }

    nonisolated let population: Population
    nonisolated let clock: VirtualClock
    nonisolated let store: SimulationStore
    nonisolated let trainer: any SimulatedTrainer
    nonisolated let memories: ClientMemories
    nonisolated let recorder: RunRecorder
    private nonisolated let modelDigest: ContentDigest
    /// With how many updates a round closes; `nil` where nothing closes.
    private nonisolated let cohortSize: Int?
    private nonisolated let stream: AsyncStream<CohortEvent>
    private nonisolated let continuation: AsyncStream<CohortEvent>.Continuation
    private var isPresent: [Bool]
    private var queue = EventQueue()
    private var works: [Int: Work] = [:]
    private var workCount = 0
    private var judgement: Judgement?
    /// How many updates of the latest order are on their way.
    private var finishedCount: (order: Int, count: Int) = (0, 0)
    /// How often each client was sent its latest order; kept only where clients drop out.
    private var attempts: [Int: (order: Int, count: Int)] = [:]
    /// Work that was going on when the state was saved, which goes on as it was begun.
    private var resumed: [ClientID: OutstandingWork]

    /// Sets the clients up at the time that `clock` shows.
    package init(
        population: Population,
        clock: VirtualClock,
        store: SimulationStore,
        trainer: any SimulatedTrainer,
        memories: ClientMemories,
        recorder: RunRecorder,
        job: JobConfiguration,
        modelDigest: ContentDigest,
        resuming outstanding: [OutstandingWork] = []
    ) {
        self.population = population
        self.clock = clock
        self.store = store
        self.trainer = trainer
        self.memories = memories
        self.recorder = recorder
        self.modelDigest = modelDigest
        self.cohortSize = job.asynchronous == nil ? job.cohort.size : nil
        self.resumed = Dictionary(outstanding.map { ($0.client, $0) }, uniquingKeysWith: { first, _ in first })
        (self.stream, self.continuation) = AsyncStream.makeStream()
        let now = clock.now()
        self.isPresent = (0..<population.count).map { population.isPresent($0, at: now) }
        for client in 0..<population.count {
            if let time = population.nextChange(of: client, after: now) {
                queue.insert(.init(time: time, kind: .presence, client: client, work: 0))
            }
        }
    }

    /// The work that clients have not delivered, for a saved state.
    var outstanding: [OutstandingWork] {
        works.sorted { $0.key < $1.key }.map { client, work in
            OutstandingWork(
                client: work.client.id,
                order: work.order.id.round,
                start: work.start,
                attempt: work.attempt
            )
        }
    }

    // MARK: - The backend

    package func presentClients() -> [ClientProfile] {
        (0..<population.count).filter { isPresent[$0] }.map(population.profile)
    }

    package func events() -> AsyncStream<CohortEvent> { stream }

    package func send(_ order: WorkOrder, to client: ClientID) {
        guard let index = population.names.index(of: client), isPresent[index] else { return }
        switch order.id.kind {
        case .train:
            // An order that is being worked on is not begun again.
            guard works[index]?.order.id != order.id else { return }
            begin(order, by: index)
        case .evaluate:
            if judgement?.order != order.id { judgement = Judgement(order: order.id) }
            judgement?.waiting[index] = order
            queue.insert(.init(time: clock.now(), kind: .evaluated, client: index, work: order.id.round))
        }
    }

    package func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) {
        guard let index = population.names.index(of: client) else { return }
        switch order.kind {
        case .train:
            guard let work = works[index], work.order.id == order else { return }
            works[index] = nil
            record(work, as: .late, reason: reason)
        case .evaluate:
            judgement?.waiting[index] = nil
        }
    }

    package func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async {
        guard let index = population.names.index(of: offer.client), let work = works[index],
            work.order.id == offer.order
        else { return }
        works[index] = nil
        switch verdict {
        case .accepted:
            record(work, as: .trained)
        case .rejected(let reason):
            record(work, as: .rejected, reason: reason)
            await store.forget(offer.adapter.digest)
        }
    }

    package func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) {}

    // MARK: - Virtual time

    package func end() { continuation.finish() }

    package func proceed(until limit: Duration?) async -> Bool {
        while let event = queue.first, limit.map({ event.time <= $0 }) ?? true {
            _ = queue.removeFirst()
            clock.advance(to: event.time)
            if let news = await perform(event, until: limit) {
                continuation.yield(news)
                return true
            }
        }
        return false
    }

    /// Has an event happen; returns what the run is to be told of it.
    private func perform(_ event: EventQueue.Event, until limit: Duration?) async -> CohortEvent? {
        let client = event.client
        switch event.kind {
        case .presence: return changePresence(of: client)
        case .evaluated: return await judge(client)
        case .trained, .failed, .delivered: break
        }
        guard let work = works[client], work.number == event.work else { return nil }
        switch event.kind {
        case .failed:
            return fail(work, of: client, reason: "The client dropped out.")
        case .trained:
            if work.computed == nil { await compute(until: limit) }
            return await finish(client)
        case .delivered:
            guard let finished = work.finished else { return nil }
            await store.insert(finished)
            return .offered(finished.offer)
        case .presence, .evaluated:
            return nil
        }
    }

    private func changePresence(of client: Int) -> CohortEvent {
        let now = clock.now()
        if let time = population.nextChange(of: client, after: now) {
            queue.insert(.init(time: time, kind: .presence, client: client, work: 0))
        }
        isPresent[client].toggle()
        if isPresent[client] { return .arrived(population.profile(of: client)) }
        if let work = works.removeValue(forKey: client) { record(work, as: .unavailable) }
        judgement?.waiting[client] = nil
        return .departed(population.names[client])
    }

    // MARK: - Training

    private func begin(_ order: WorkOrder, by index: Int) {
        let client = population.client(index)
        let device = population.device(of: index)
        let earlier = resumed.removeValue(forKey: client.id).flatMap { $0.order == order.id.round ? $0 : nil }
        let start = earlier?.start ?? clock.now()
        let workload = trainer.workload(of: client, for: order)
        let end =
            start + device.downloadTime(bytes: order.adapter.byteCount) + device.trainingTime(tokens: workload.tokens)
        let attempt = earlier?.attempt ?? nextAttempt(at: order.id.round, by: index)
        let failure = population.availability.failure(
            of: index,
            order: order.id.round,
            attempt: attempt,
            seed: population.seed
        )
        workCount += 1
        works[index] = Work(
            order: order,
            client: client,
            number: workCount,
            attempt: attempt,
            start: start,
            end: end,
            workload: workload,
            isFailing: failure != nil
        )
        let time = failure.map { start + (end - start) * $0 } ?? end
        queue.insert(.init(time: time, kind: failure == nil ? .trained : .failed, client: index, work: workCount))
    }

    private func nextAttempt(at order: Int, by client: Int) -> Int {
        guard population.availability.dropout > 0 else { return 0 }
        let count = attempts[client].flatMap { $0.order == order ? $0.count : nil } ?? 0
        attempts[client] = (order, count + 1)
        return count
    }

    /// Computes the trainings that end next, at least one.
    ///
    /// Not those that cannot count: what ends after the run's next alarm, and more than the round still takes.
    private func compute(until limit: Duration?) async {
        // Keys alone are sorted: work is large, and a cohort may have thousands.
        let waiting = works.compactMap { client, work in
            let isWaiting = work.computed == nil && work.finished == nil && !work.isFailing
            return isWaiting && work.end <= limit ?? work.end ? (end: work.end, client: client) : nil
        }.sorted { ($0.end, $0.client) < ($1.end, $1.client) }
        guard let order = waiting.first.flatMap({ works[$0.client] })?.order.id.round else { return }
        let finished = finishedCount.order == order ? finishedCount.count : 0
        let wanted = cohortSize.map { max(1, $0 - finished) } ?? .max
        var adapters: [AdapterReference: LoRAAdapter] = [:]
        var starting: [(client: Int, started: StartedWork)] = []
        for (_, client) in waiting.prefix(min(wanted, max(trainer.groupSize, 1))) {
            guard let work = works[client] else { continue }
            do {
                let reference = work.order.adapter
                let adapter: LoRAAdapter
                if let known = adapters[reference] {
                    adapter = known
                } else {
                    adapter = try await store.adapter(reference)
                }
                adapters[reference] = adapter
                starting.append((client, try await clientWork(of: client, work.client).begin(adapter, for: work.order)))
            } catch {
                works[client]?.computed = .failure(error)
            }
        }
        let requests = starting.compactMap { client, started in
            works[client].map { TrainingRequest(client: $0.client, adapter: started.adapter, order: $0.order) }
        }
        for ((client, started), result) in zip(starting, await trainer.train(requests)) {
            works[client]?.computed = result.map { Computed(started: started, outcome: $0) }
        }
    }

    /// Ends a local training: the client remembers what it has to and begins to send.
    private func finish(_ client: Int) async -> CohortEvent? {
        guard let work = works[client], let computed = work.computed else { return nil }
        do {
            let computed = try computed.get()
            let finished = try await clientWork(of: client, work.client).finish(
                computed.started,
                with: computed.outcome
            )
            let order = work.order.id.round
            finishedCount = (order, finishedCount.order == order ? finishedCount.count + 1 : 1)
            works[client]?.finished = finished
            // The adapters are in the payload now.
            works[client]?.computed = nil
            let upload = population.device(of: client).uploadTime(bytes: finished.payload.count)
            queue.insert(.init(time: clock.now() + upload, kind: .delivered, client: client, work: work.number))
            return nil
        } catch {
            return fail(work, of: client, reason: "\(error)")
        }
    }

    private func fail(_ work: Work, of client: Int, reason: String) -> CohortEvent {
        works[client] = nil
        record(work, as: .failed, reason: reason)
        return .failed(work.client.id, work.order.id, reason: reason)
    }

    private func clientWork(of client: Int, _ rows: SimulatedClient) -> ClientWork {
        ClientWork(
            client: rows.id,
            maximumRank: population.maximumRank(of: client),
            modelDigest: modelDigest,
            tasks: trainer.tasks,
            trainer: SingleClientTrainer(trainer: trainer, client: rows),
            memory: memories.memory(of: rows.id)
        )
    }

    private func record(_ work: Work, as event: ClientRecord.Event, reason: String = "") {
        let figures = work.finished?.offer.metrics
        let isDone = event == .trained || event == .rejected
        recorder.append(
            ClientRecord(
                round: work.order.id.round,
                client: work.client.id,
                event: event,
                rank: work.finished?.offer.adapter.rank ?? work.order.adapter.rank,
                examples: work.client.trainingRows.count,
                steps: isDone ? work.workload.steps : nil,
                tokens: isDone ? work.workload.tokens : nil,
                trainingLoss: figures?["loss"],
                start: work.start,
                end: clock.now(),
                bytesUp: isDone ? work.finished?.payload.count : nil,
                bytesDown: work.order.adapter.byteCount,
                reason: reason
            )
        )
    }

    // MARK: - Judging

    /// Judges the adapter for everybody who was asked, once, and says what one of them found.
    private func judge(_ client: Int) async -> CohortEvent? {
        guard let order = judgement?.waiting.removeValue(forKey: client) else { return nil }
        if judgement?.results[client] == nil {
            await judge(order, by: [client] + (judgement?.waiting.keys.sorted() ?? []))
        }
        let id = population.names[client]
        switch judgement?.results.removeValue(forKey: client) {
        case .success(let report):
            recorder.append(
                ClientRecord(
                    round: order.id.round,
                    client: id,
                    event: .evaluated,
                    rank: order.adapter.rank,
                    examples: report.exampleCount,
                    accuracy: report.metrics["accuracy"],
                    start: clock.now(),
                    end: clock.now()
                )
            )
            return .evaluated(id, order.id, report)
        case .failure(let error):
            return .failed(id, order.id, reason: "\(error)")
        case nil:
            return nil
        }
    }

    private func judge(_ order: WorkOrder, by asked: [Int]) async {
        let clients = asked.filter { judgement?.results[$0] == nil }.sorted()
        do {
            let adapter = try await store.adapter(order.adapter)
            if order.assignment.rules.scope.isPersonal {
                for client in clients {
                    do {
                        let report = try await clientWork(of: client, population.client(client)).evaluate(
                            adapter,
                            for: order
                        )
                        judgement?.results[client] = .success(report)
                    } catch {
                        judgement?.results[client] = .failure(error)
                    }
                }
                return
            }
            let judged = try await trainer.evaluate(adapter, for: order, by: clients.map(population.client))
            recorder.judged(round: order.id.round, pooled: judged.pooled)
            for (client, report) in zip(clients, judged.reports) { judgement?.results[client] = .success(report) }
        } catch {
            for client in clients { judgement?.results[client] = .failure(error) }
        }
    }
}

/// Work that was going on when a state was saved.
package struct OutstandingWork: Hashable, Sendable, Codable {
    package let client: ClientID
    /// The number of the order.
    package let order: Int
    package let start: Duration
    package let attempt: Int
}

/// One client's view of the shared trainer.
private struct SingleClientTrainer: LocalTrainer {
    let trainer: any SimulatedTrainer
    let client: SimulatedClient

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        let results = await trainer.train([TrainingRequest(client: client, adapter: adapter, order: order)])
        guard let result = results.first else { throw CancellationError() }
        return try result.get()
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await trainer.evaluate(adapter, for: order, by: [client]).pooled
    }
}
