/// Selects clients by repeated Krum, and averages the values nearest to the median of the selected.
///
/// El Mhamdi et al., "The hidden vulnerability of distributed learning in Byzantium", ICML 2018, arXiv:1802.07927. With n
/// clients of which f may be Byzantine:
///
/// 1. θ = n − 2f times, the winner of Krum among those who are left is selected and taken out.
/// 2. Every coordinate is the mean of the θ − 2f selected values that are nearest to their median.
///
/// The first stage keeps out whole changes that are far away, the second single coordinates in which a change that looks
/// near is wrong by a lot. Needs n ≥ 4f + 3, and what every rule of coordinates needs: equal ranks and a strategy that
/// averages factors. When few are left for Krum to compare, each is measured by its nearest neighbour.
package struct Bulyan: RobustRule, Equatable {
    /// f, the number of clients that may send anything; at least 0.
    package let byzantine: Int

    /// Creates the rule.
    package init(byzantine: Int) {
        precondition(byzantine >= 0, "\(byzantine) clients cannot be Byzantine")
        self.byzantine = byzantine
    }

    package var name: String { "bulyan" }

    package var combinesCoordinates: Bool { true }

    package var measure: ChangeMeasure { .innerProducts }

    package var minimumUpdates: Int { 4 * byzantine + 3 }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        guard let changes else { preconditionFailure("Bulyan was not told the distances") }
        let members = selected(in: changes)
        return .coordinates(.nearestToMedian(count: members.count - 2 * byzantine), members: members.sorted())
    }

    /// Returns the clients that repeated Krum selects, in the order in which it does.
    ///
    /// - Complexity: O(n³·log n).
    func selected(in changes: InnerProducts) -> [Int] {
        var left = Array(0..<changes.count)
        var selected: [Int] = []
        while selected.count < changes.count - 2 * byzantine {
            let scores = Krum.scores(of: left, in: changes, byzantine: byzantine)
            guard let winner = left.indices.min(by: { (scores[$0], $0) < (scores[$1], $1) }) else { break }
            selected.append(left.remove(at: winner))
        }
        return selected
    }
}
