import Adapters

/// What a strategy needs of a job, and what it promises: its row in the table of strategies.
package struct StrategyProfile: Sendable, Hashable {
    /// Which ranks clients may train at.
    package enum Ranks: String, Sendable, Hashable {
        /// The global adapter's.
        case equal
        /// Any from 1 to the global adapter's.
        case mixed
    }

    /// What is averaged.
    package enum Averages: String, Sendable, Hashable {
        /// Factors: every client has to be in the same gauge, and distances are distances of factors.
        case factors
        /// Products: only s·BA counts, whatever its factors.
        case products
    }

    /// What becomes of the heads and other tensors that are saved whole.
    package enum SavedTensors: String, Sendable, Hashable {
        /// They are averaged by weight.
        case averaged
        /// They stay on the clients.
        case local
    }

    /// The name that job files and command lines use.
    package let name: String
    /// Authors, title, venue, arXiv number.
    package let paper: String
    package var ranks: Ranks
    package var averages: Averages
    /// Whether the new global product is Σ wᵢ·sᵢ·BᵢAᵢ, before it is cut to the global rank.
    package var isExact: Bool
    /// Whether every round changes the basis of the factors: nothing that is kept by factor (moments, control variates,
    /// proximal anchors, stale deltas) survives one.
    package var rebasesFactors: Bool
    /// Whether rounds change what is folded into the base model.
    package var changesBaseModel: Bool
    /// Whether the server needs each client's update, and not only sums of them: no secure aggregation then.
    package var needsIndividualUpdates: Bool
    /// Whether clients count by their weights; a strategy that weighs them by what they send only leaves out those of 0.
    package var usesWeights: Bool
    /// Whether the next adapter follows from the mean of what clients send and from nothing else of it, so that noise on
    /// that mean hides every client.
    package var followsFromMean: Bool
    /// Whether it computes with LoRA's factors, so that adapters of other kinds mean nothing to it.
    package var needsFactors: Bool
    /// Where noise for differential privacy may go, in a few words for the table.
    package var privacy: String
    package var savedTensors: SavedTensors
    /// Numbers that a client sends for one layer of width d×k at rank r, as a formula for the table.
    package var sent: String
    /// Numbers that a client receives for one layer, as a formula for the table; m is the rank of what earlier rounds
    /// folded into the base model.
    package var received: String

    package init(
        name: String,
        paper: String,
        ranks: Ranks,
        averages: Averages,
        isExact: Bool,
        rebasesFactors: Bool = false,
        changesBaseModel: Bool = false,
        needsIndividualUpdates: Bool = false,
        usesWeights: Bool = true,
        followsFromMean: Bool = false,
        needsFactors: Bool = true,
        privacy: String,
        savedTensors: SavedTensors = .averaged,
        sent: String = "r(d+k)",
        received: String = "r(d+k)"
    ) {
        self.name = name
        self.paper = paper
        self.ranks = ranks
        self.averages = averages
        self.isExact = isExact
        self.rebasesFactors = rebasesFactors
        self.changesBaseModel = changesBaseModel
        self.needsIndividualUpdates = needsIndividualUpdates
        self.usesWeights = usesWeights
        self.followsFromMean = followsFromMean
        self.needsFactors = needsFactors
        self.privacy = privacy
        self.savedTensors = savedTensors
        self.sent = sent
        self.received = received
    }
}

extension StrategyProfile {
    /// Checks that the strategy means something for a kind of adapter.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - client: Whose adapter it is.
    /// - Throws: ``AggregationError/noFactors(client:kind:strategy:)``.
    func check(_ kind: AdapterKind, of client: ClientID) throws(AggregationError) {
        guard needsFactors, kind != .lora else { return }
        throw .noFactors(client: client, kind: kind, strategy: name)
    }
}
