/// How often, and how close together, one participant takes part in the steps of a tree.
///
/// A participant changes every node above each of its steps: by as many clipping norms as it took part below the node. The
/// squares of these, added up over all nodes in the worst case that is allowed, are what a tree's privacy rests on.
package struct TreeParticipation: Sendable, Hashable {
    /// How many steps the tree has.
    package let steps: Int
    /// How often one participant takes part at most.
    package let maximum: Int
    /// How many steps lie between two of its participations at least.
    package let minimumSeparation: Int

    /// Describes participation.
    ///
    /// - Parameters:
    ///   - steps: From 1 to 2²⁰.
    ///   - maximum: At least 1.
    ///   - minimumSeparation: At least 0.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when one of them is out of its range.
    package init(steps: Int, maximum: Int = 1, minimumSeparation: Int = 0) throws(PrivacyError) {
        guard 1 <= steps, steps <= 1 << 20 else {
            throw .parameter(name: "the tree's steps", value: Double(steps), range: "a number from 1 to 2^20")
        }
        guard maximum >= 1 else {
            throw .parameter(name: "max_participations", value: Double(maximum), range: "a number of at least 1")
        }
        guard minimumSeparation >= 0 else {
            throw .parameter(name: "min_separation", value: Double(minimumSeparation), range: "a number of at least 0")
        }
        self.steps = steps
        self.maximum = maximum
        self.minimumSeparation = min(minimumSeparation, steps)
    }

    /// The tree's releases in an accountant's terms: one release by everybody, of noise multiplier z/√``squaredSensitivity``.
    package func release(noiseMultiplier: Double) -> NoisedSteps {
        NoisedSteps(noiseMultiplier: noiseMultiplier / squaredSensitivity.squareRoot(), sampling: .everyone)
    }

    /// The sum over all nodes of the squared number of participations below it, in the worst case.
    ///
    /// Exact where that is affordable, otherwise a bound from above (``bound``).
    package var squaredSensitivity: Double {
        let (gap, most) = (Double(minimumSeparation + 1), Double(largestCount))
        // What the dynamic program takes for the largest tree.
        return gap * gap * gap * most * most <= 0x1p29 ? Double(exact) : bound
    }

    /// How often a participant can take part at all.
    private var largestCount: Int { min(maximum, (steps - 1) / (minimumSeparation + 1) + 1) }

    /// A node of 2ˡ steps has at most m = ⌈2ˡ/gap⌉ participations, and the squares of numbers of at most m that add up to c
    /// add up to at most m·c.
    var bound: Double {
        let gap = minimumSeparation + 1
        return (0...steps.bitWidth - 1 - steps.leadingZeroBitCount).reduce(0.0) { sum, level in
            sum + Double(min(largestCount, (1 << level - 1) / gap + 1)) * Double(largestCount)
        }
    }
}
