/// Keeps the clients whose changes lie nearest to those of most others: Krum, and multi-Krum.
///
/// Blanchard et al., "Machine learning with adversaries: Byzantine tolerant gradient descent", NeurIPS 2017,
/// arXiv:1703.02757. With n clients of which f may be Byzantine, the score of client i is the sum of its squared
/// distances to the n − f − 2 others that are nearest; the lowest scores win, and of equal ones the first client by name.
/// Krum keeps one client, multi-Krum the mean of the best n − f − 2, each counting the same: how many examples it has is
/// what a client says about itself. Needs n ≥ 2f + 3.
package struct Krum: RobustRule, Equatable {
    /// How many clients are kept.
    package enum Kept: Sendable, Hashable {
        case one
        /// n − f − 2.
        case nearest
    }

    /// f, the number of clients that may send anything; at least 0.
    package let byzantine: Int
    package let kept: Kept

    /// Creates the rule.
    package init(byzantine: Int, keeping kept: Kept = .one) {
        precondition(byzantine >= 0, "\(byzantine) clients cannot be Byzantine")
        self.byzantine = byzantine
        self.kept = kept
    }

    package var name: String { kept == .one ? "krum" : "multi-krum" }

    package var measure: ChangeMeasure { .innerProducts }

    package var minimumUpdates: Int { 2 * byzantine + 3 }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        guard let changes else { preconditionFailure("Krum was not told the distances") }
        let scores = Self.scores(of: Array(0..<changes.count), in: changes, byzantine: byzantine)
        // Stable: of equal scores the first by name stays first.
        let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
        let kept =
            switch kept {
            case .one: order.prefix(1)
            case .nearest: order.prefix(max(1, changes.count - byzantine - 2))
            }
        var chosen = [Double](repeating: 0, count: changes.count)
        for index in kept {
            chosen[index] = 1 / Double(kept.count)
        }
        return .weights(chosen)
    }

    /// Returns the score of each of `members`, as if there were no other clients.
    ///
    /// With m members, each is measured by its m − f − 2 nearest others, and by one where that leaves none.
    ///
    /// - Complexity: O(m²·log m).
    static func scores(of members: [Int], in changes: InnerProducts, byzantine: Int) -> [Double] {
        let neighbours = min(max(members.count - byzantine - 2, 1), members.count - 1)
        return members.map { member in
            let distances = members.compactMap { $0 == member ? nil : changes.squaredDistance(member, $0) }
            // Summed in ascending order, so that the order of the clients does not change the bits.
            return distances.sorted().prefix(neighbours).reduce(0, +)
        }
    }
}
