package import Adapters
import LinearAlgebra

/// How a client lowers its rank by itself: the client half of HetLoRA.
///
/// Cho et al., "Heterogeneous LoRA for federated fine-tuning of on-device foundation models", EMNLP 2024,
/// arXiv:2401.06432. A client of rank r adds λ·Σ ‖B[:, q:]‖·‖A[q:, :]‖ over its layers to the loss, with q = ⌊γ·r⌋, and
/// goes on at rank q when training has made that sum of norms smaller than it was before. The components are in the
/// order of their importance, so it is the least important ones that go.
///
/// Rounding γ·r instead would keep every rank up to 49 at γ = 0.99; here at least one component may go.
package struct RankPruning: Sendable, Hashable, Codable {
    /// γ, in (0, 1]: the share of the rank that always stays, all of it at 1.
    package var gamma: Double
    /// λ, at least 0.
    package var penalty: Double
    /// The rank that is never gone below, at least 1.
    package var minimumRank: Int

    package init(gamma: Double = 0.99, penalty: Double = 1e-3, minimumRank: Int = 1) {
        self.gamma = gamma
        self.penalty = penalty
        self.minimumRank = minimumRank
    }

    /// q: the rank that stays when the suffix goes.
    ///
    /// - Returns: From 1 to `rank`; `rank` itself when nothing may go.
    package func prefix(ofRank rank: Int) -> Int {
        guard gamma < 1 else { return rank }
        let kept = min(Int((gamma * Double(rank)).rounded(.down)), rank - 1)
        return min(rank, max(kept, minimumRank, 1))
    }

    /// Σ ‖B[:, q:]‖·‖A[q:, :]‖ over the layers: how much the suffix matters.
    package func suffixMagnitude(of adapter: LoRAAdapter) -> Double {
        adapter.modules.sorted { $0.key < $1.key }.reduce(0) { sum, entry in
            let module = entry.value
            let prefix = prefix(ofRank: module.rank)
            guard prefix < module.rank else { return sum }
            let norms = module.suffixNorms(from: prefix)
            return sum + norms.b * norms.a
        }
    }

    /// Returns the rank at which a client goes on.
    ///
    /// - Parameters:
    ///   - before: The adapter before the local training.
    ///   - after: The same adapter after it.
    /// - Returns: The rank of `after`, or the prefix of it.
    package func rank(before: LoRAAdapter, after: LoRAAdapter) -> Int {
        let rank = after.maximumRank
        return suffixMagnitude(of: after) < suffixMagnitude(of: before) ? prefix(ofRank: rank) : rank
    }
}

extension LoRAModule {
    /// ‖B[:, q:]‖ and ‖A[q:, :]‖.
    fileprivate func suffixNorms(from prefix: Int) -> (b: Double, a: Double) {
        var squares = 0.0
        for row in 0..<outputWidth {
            for column in prefix..<rank { squares += Double(b[row, column]) * Double(b[row, column]) }
        }
        let suffix = a.elements[(prefix * inputWidth)...]
        return (squares.squareRoot(), suffix.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    }
}
