import Adapters
import Aggregation
import FederatedLearning
import Logging
import Synchronization
import TestSupport

/// A job over clients in memory, as the tests of runs set it up.
struct TestFederation {
    var job = JobConfiguration.sample()
    var strategy: any AggregationStrategy = FedAvg()
    var robustRule: (any RobustRule)?
    var optimizer: ServerOptimizer?
    var limits: RunLimits
    var secrets = RunSecrets.seeded(1)
    let store = InMemoryRunStore()
    let clock = ManualRunClock()
    let backend: ScriptedCohortBackend
    let log = EventLog()

    init(_ job: JobConfiguration = .sample(), batch: Int = 1, seed: UInt64 = 0) {
        self.job = job
        self.backend = ScriptedCohortBackend(store: store, batch: batch, seed: seed)
        self.limits = RunLimits(for: job)
    }

    /// The client half of the i-th silo: it adds 1 to element i, and has i + 1 examples.
    static func work(_ index: Int, maximumRank: Int = 64, factorDelta: Float = 0) -> ClientWork {
        ClientWork(
            client: name(index),
            maximumRank: maximumRank,
            modelDigest: .sampleModel,
            trainer: ConstantTrainer(element: index, factorDelta: factorDelta, exampleCount: index + 1)
        )
    }

    static func name(_ index: Int) -> ClientID { ClientID("silo-\(index)") }

    /// Adds honest clients, one for each of the given largest ranks.
    func addClients(ranks: [Int], factorDelta: Float = 0) async {
        for (index, rank) in ranks.enumerated() {
            await backend.add(Self.work(index, maximumRank: rank, factorDelta: factorDelta))
        }
    }

    /// A run on this federation, or on another store in front of its own.
    func run(on store: (any RunStore)? = nil) -> FederatedRun {
        let rank = job.adapter.rank
        return FederatedRun(
            job: .sample,
            configuration: job,
            modelDigest: .sampleModel,
            aggregation: CohortAggregation(strategy: strategy, robustRule: robustRule, optimizer: optimizer),
            backend: backend,
            store: store ?? self.store,
            clock: clock,
            secrets: secrets,
            limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            initialAdapter: { .sample(rank: rank) },
            observe: { log.append($0) }
        )
    }

    /// The head's bias of the global adapter: element i tells what silo i brought in.
    func bias() async throws -> [Float] {
        guard let global = await store.state(of: .sample).global else { return [] }
        return try await store.adapter(global).savedTensors["classifier.bias"]?.elements ?? []
    }
}

/// What a run told its observer, for tests that wait for something.
final class EventLog: Sendable {
    private struct State {
        var events: [RunEvent] = []
        var waiters: [(isMet: @Sendable ([RunEvent]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var events: [RunEvent] { state.withLock(\.events) }

    func append(_ event: RunEvent) {
        let met = state.withLock { state in
            state.events.append(event)
            let met = state.waiters.filter { $0.isMet(state.events) }
            state.waiters.removeAll { $0.isMet(state.events) }
            return met
        }
        for waiter in met { waiter.continuation.resume() }
    }

    /// Returns when the events so far satisfy `isMet`.
    func wait(until isMet: @escaping @Sendable ([RunEvent]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isMetAlready = state.withLock { state in
                if isMet(state.events) { return true }
                state.waiters.append((isMet, continuation))
                return false
            }
            if isMetAlready { continuation.resume() }
        }
    }

    /// Returns when `event` has happened.
    func wait(for event: RunEvent) async {
        await wait { $0.contains(event) }
    }
}
