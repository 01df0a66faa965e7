import Adapters
import Aggregation
import FederatedLearning
import TestSupport

/// Says what a job comes to when nothing goes wrong and these updates are counted.
///
/// The client half and the server half of a round as they are shipped, over a store in memory; the same whatever seed is
/// played, and remembered from one to the next.
final class Oracle: @unchecked Sendable {  // Used on the simulation's thread only.
    /// An adapter and the digest of its payload.
    struct Global {
        let adapter: LoRAAdapter
        let digest: ContentDigest
    }

    private struct Question: Hashable {
        let global: ContentDigest
        let client: ClientID
        let round: Int
        let training: [String]
    }

    private struct Sum: Hashable {
        let global: ContentDigest
        let updates: [ContentDigest]
        let round: Int
    }

    private var store = InMemoryRunStore()
    private var payloads: [ContentDigest: [UInt8]] = [:]
    private var updates: [Question: ContentDigest] = [:]
    private var sums: [Sum: Global] = [:]
    /// More than so many remembered answers are forgotten, all at once.
    private static let memory = 20_000

    init() {}

    /// Keeps what a client made.
    func keep(_ payload: [UInt8], named digest: ContentDigest) { payloads[digest] = payload }

    /// Makes room between two seeds.
    func forgetOld() {
        payloads = [:]
        store = InMemoryRunStore()
        if updates.count > Self.memory { updates = [:] }
        if sums.count > Self.memory / 4 { sums = [:] }
    }

    func start(of job: SimulatedJob) async throws -> Global {
        let strategy = try job.configuration.aggregationPlan().aggregation.strategy
        return Self.global(try strategy.start(from: job.initialAdapter(), seed: job.configuration.seed))
    }

    private static func global(_ adapter: LoRAAdapter) -> Global {
        Global(adapter: adapter, digest: ContentDigest(hashing: AdapterPayload.bytes(of: adapter)))
    }

    /// The digest of the update that a client makes of a round's global adapter.
    func update(
        of client: ClientID,
        for job: SimulatedJob,
        round: Int,
        from global: Global
    ) async throws -> ContentDigest {
        let question = Question(global: global.digest, client: client, round: round, training: SimulatedJob.training)
        if let known = updates[question] { return known }
        guard
            let number = (0..<FederationTemplate.honest).first(where: {
                FederationTemplate.name(of: $0) == client.rawValue
            })
        else { return global.digest }
        let strategy = try job.configuration.aggregationPlan().aggregation.strategy
        let handed = try strategy.adapter(forRank: job.configuration.adapter.rank, from: global.adapter)
        let digest = ContentDigest(hashing: [0])
        let reference = await store.keep(handed)
        let work = ClientWork(
            client: client,
            maximumRank: 64,
            modelDigest: digest,
            trainer: SimulatedTrainer.base(of: number)
        )
        let order = WorkOrder(
            id: .init(job: job.id, round: round, kind: .train),
            adapter: reference,
            assignment: Assignment(
                job: job.configuration,
                modelDigest: digest,
                rules: LocalRules(scope: strategy.scope(inRound: round), pruning: strategy.pruning)
            )
        )
        let made = try await work.train(handed, for: order).offer.adapter.digest
        updates[question] = made
        return made
    }

    /// What these updates give.
    func combine(_ offers: [UpdateOffer], for job: SimulatedJob, round: Int, from global: Global) async throws -> Global
    {
        let sum = Sum(global: global.digest, updates: offers.map(\.adapter.digest), round: round)
        if let known = sums[sum] { return known }
        for offer in offers {
            if let payload = payloads[offer.adapter.digest] { await store.insert(payload) }
        }
        let outcome = try await RoundAggregation.combine(
            offers,
            from: global.adapter,
            by: try job.configuration.aggregationPlan().aggregation,
            round: RoundContext(number: round, seed: job.configuration.seed),
            minimum: 1,
            in: store
        )
        let result = Self.global(outcome.adapter)
        sums[sum] = result
        return result
    }
}
