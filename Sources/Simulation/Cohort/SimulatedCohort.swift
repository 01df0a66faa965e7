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

    /// An evaluation: who is still to answer, and what was found for whom.
    struct Judgement {
        let order: WorkOrder.ID
        var waiting: [Int: WorkOrder] = [:]
        var results: [Int: Result<EvaluationReport, any Error>] = [:]
    }

    nonisolated let population: Population
    nonisolated let clock: VirtualClock
    nonisolated let store: SimulationStore
    nonisolated let trainer: any SimulatedTrainer
    nonisolated let memories: ClientMemories
    nonisolated let ledgers: SiloLedgers
    nonisolated let recorder: RunRecorder
    nonisolated let modelDigest: ContentDigest
    /// What clients' noise follows from.
    nonisolated let seed: UInt64
    /// With how many updates a round closes; `nil` where nothing closes.
    nonisolated let cohortSize: Int?
    private nonisolated let stream: AsyncStream<CohortEvent>
    private nonisolated let continuation: AsyncStream<CohortEvent>.Continuation
    private var isPresent: [Bool]
    var queue = EventQueue()
    var works: [Int: Work] = [:]
    var workCount = 0
    var judgement: Judgement?
    /// How many updates of the latest order are on their way.
    var finishedCount: (order: Int, count: Int) = (0, 0)
    /// How often each client was sent its latest order; kept only where clients drop out.
    var attempts: [Int: (order: Int, count: Int)] = [:]
    /// Work that was going on when the state was saved, which goes on as it was begun.
    var resumed: [ClientID: OutstandingWork]

    /// Sets the clients up at the time that `clock` shows.
    package init(
        population: Population,
        clock: VirtualClock,
        store: SimulationStore,
        trainer: any SimulatedTrainer,
        memories: ClientMemories,
        ledgers: SiloLedgers = SiloLedgers(),
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
        self.ledgers = ledgers
        self.recorder = recorder
        self.modelDigest = modelDigest
        self.seed = job.seed
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
            disown(work)
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
            disown(work)
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
        if let work = works.removeValue(forKey: client) {
            disown(work)
            record(work, as: .unavailable)
        }
        judgement?.waiting[client] = nil
        return .departed(population.names[client])
    }
}
