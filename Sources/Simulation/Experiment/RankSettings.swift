/// How the ranks that clients can train at are distributed.
///
/// The named distributions are those of FlexLoRA (Bai et al., "Federated fine-tuning of large language models under
/// heterogeneous tasks and client resources", 2024, arXiv:2402.11505). There, clients are of four types: T0 trains at rank
/// 8, T1 at 200, T2 at 30 in attention layers and 200 elsewhere, T3 at 30. A client has one rank here, for T2 that of its
/// attention layers, so that the ranks are 8, 30 and 200 unless the experiment lists others.
package struct RankSettings: Hashable, Sendable {
    package enum Distribution: String, Sendable, CaseIterable {
        /// One rank for all.
        case fixed
        /// Every type is equally frequent.
        case uniform
        /// Most clients are of the smallest rank: 80 % T0, 10 % T1, 5 % T2, 5 % T3.
        case heavyTailLight = "heavy-tail-light"
        /// Most clients are of the largest rank: 80 % T1, 10 % T2, 5 % T3, 5 % T0.
        case heavyTailStrong = "heavy-tail-strong"
        /// The middle is most frequent: a normal density N(1.5, 0.7) at the places 0 to 3.
        case normal
        /// Each device class says how much its clients can train.
        case device
    }

    package var distribution: Distribution
    /// The ranks in ascending order.
    package var ranks: [Int]
    /// Which share of the clients has each rank; they sum to 1.
    package var shares: [Double]

    package init(distribution: Distribution = .fixed, ranks: [Int] = [], shares: [Double] = []) {
        self.distribution = distribution
        self.ranks = ranks
        self.shares = shares
    }

    /// The ranks of FlexLoRA's client types.
    static let published = [8, 30, 200]

    /// The shares of a distribution over ranks in ascending order.
    ///
    /// - Parameters:
    ///   - distribution: A named one.
    ///   - count: How many ranks there are, at least 1.
    ///   - arePublished: Whether the ranks are ``published``; of other lists, 80 % have the first or the last rank, and
    ///     the others share the rest.
    /// - Returns: One share a rank.
    static func shares(of distribution: Distribution, over count: Int, arePublished: Bool) -> [Double] {
        func tail(_ large: Int) -> [Double] {
            guard count > 1 else { return [1] }
            return (0..<count).map { $0 == large ? 0.8 : 0.2 / Double(count - 1) }
        }
        switch distribution {
        case .fixed, .device: return [1] + [Double](repeating: 0, count: count - 1)
        case .uniform: return arePublished ? [0.25, 0.5, 0.25] : [Double](repeating: 1 / Double(count), count: count)
        case .heavyTailLight: return arePublished ? [0.8, 0.1, 0.1] : tail(0)
        case .heavyTailStrong: return arePublished ? [0.05, 0.15, 0.8] : tail(count - 1)
        case .normal:
            if arePublished { return [0.0575, 0.5, 0.4425] }
            let densities = (0..<count).map { place in
                // 0.7 places of four, as published.
                let deviation = (Double(place) - Double(count - 1) / 2) / (0.175 * Double(count))
                return gaussianDensity(deviation)
            }
            let sum = densities.reduce(0, +)
            return densities.map { $0 / sum }
        }
    }
}
