private import LinearAlgebra

/// Noise for all prefixes of a sequence of sums, which grows with the logarithm of its length.
///
/// The tree aggregation of Dwork et al. (2010) and Chan et al. (2011), as DP-FTRL uses it (Kairouz et al., 2021): for jobs
/// that cannot sample their participants. The steps are the leaves of binary trees; every complete node has noise of zΔ
/// steps, and the noise of the sum of the steps 1…t is that of the nodes that 1…t divides into, one for each bit of t.
///
/// A round needs what its prefix's noise has more than the one before (``increment(at:)``). It begins its ``PrivateSum``
/// with it, releases the result and is otherwise like any other round: all releases together are the noised prefix sums.
/// The noise follows from one key, so only the key and the number of steps are kept.
///
/// Restarting with another key makes a new tree: its privacy loss adds to that of the earlier ones.
package struct NoiseTree: Sendable {
    private let mechanism: GaussianMechanism
    private let key: NoiseKey

    /// Plants a tree.
    ///
    /// - Parameters:
    ///   - mechanism: With z, the noise of one node.
    ///   - key: Kept as long as the tree is used.
    package init(_ mechanism: GaussianMechanism, key: NoiseKey) {
        self.mechanism = mechanism
        self.key = key
    }

    /// Returns the noise of the sum of the steps 1…t minus that of 1…(t − 1).
    ///
    /// - Parameters:
    ///   - step: t, at least 1.
    ///   - threads: How many threads draw.
    /// - Returns: Noise to begin the step's ``PrivateSum`` with.
    /// - Complexity: Two draws of a node's noise on average, 1 + log₂ t at most.
    package func increment(at step: Int, threads: Int = Concurrency.processorCount) -> GridNoise {
        precondition(step > 0, "step \(step)")
        var steps = [Int64](repeating: 0, count: mechanism.grid.dimension)
        // The step completes nodes up to the level of its lowest bit; the highest of them takes the others' place.
        let level = step.trailingZeroBitCount
        add(Node(level: level, index: (step >> level) - 1), negated: false, to: &steps, threads: threads)
        for lower in 0..<level {
            // Among the nodes of t − 1, which ends in ones.
            add(Node(level: lower, index: ((step - 1) >> lower) - 1), negated: true, to: &steps, threads: threads)
        }
        return GridNoise(steps: steps)
    }

    /// Returns the noise of the sum of the steps 1…t.
    func prefix(through step: Int) -> GridNoise {
        var steps = [Int64](repeating: 0, count: mechanism.grid.dimension)
        for level in 0..<Int.bitWidth where step >> level & 1 == 1 {
            add(Node(level: level, index: (step >> level) - 1), negated: false, to: &steps, threads: 1)
        }
        return GridNoise(steps: steps)
    }

    /// The steps index·2^level + 1 … (index + 1)·2^level.
    private struct Node {
        let level: Int
        let index: Int
    }

    private func add(_ node: Node, negated: Bool, to steps: inout [Int64], threads: Int) {
        let own = key.derived(for: "tree node \(node.level)/\(node.index)")
        mechanism.sampler.add(to: &steps, from: own, negated: negated, threads: threads)
    }
}
