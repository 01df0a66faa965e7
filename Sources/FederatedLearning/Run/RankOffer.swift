import Adapters
import Aggregation

/// At which rank each client takes part: the smaller of the job's and its own, if the strategy hands that rank out.
///
/// Strategies that average factors know one rank only; a client that trains at a smaller one cannot take part in them.
struct RankOffer {
    private let strategy: any AggregationStrategy
    private let global: LoRAAdapter
    private var known: [Int: Bool] = [:]

    init(of global: LoRAAdapter, by strategy: any AggregationStrategy) {
        self.global = global
        self.strategy = strategy
    }

    /// The rank that `client` trains at, or `nil` when it cannot take part.
    mutating func rank(for client: ClientProfile) -> Int? {
        let rank = min(client.maximumRank, max(global.maximumRank, 1))
        if let isOffered = known[rank] { return isOffered ? rank : nil }
        let isOffered = (try? strategy.adapter(forRank: rank, from: global)) != nil
        known[rank] = isOffered
        return isOffered ? rank : nil
    }
}
