import Adapters
import Aggregation
import LinearAlgebra
import Testing

struct RankPruningTests {
    /// A layer whose suffix from component 2 on has the norms ‖B[:, 2:]‖ = b and ‖A[2:, :]‖ = a.
    private static func adapter(b: Float, a: Float) -> LoRAAdapter {
        let module = LoRAModule(
            a: Matrix([[1, 0], [0, 1], [0, a]]),
            b: Matrix([[1, 0, b], [0, 1, 0]]),
            alpha: 3
        )
        return LoRAAdapter(modules: ["layer": module])
    }

    @Test("prunes to 2 when .5·.4 becomes .3·.5, and keeps 3 when it becomes .5·.5")
    func worked() {
        let pruning = RankPruning(gamma: 0.67)
        let before = Self.adapter(b: 0.5, a: 0.4)
        #expect(abs(pruning.suffixMagnitude(of: before) - 0.2) < 1e-6)
        #expect(pruning.rank(before: before, after: Self.adapter(b: 0.3, a: 0.5)) == 2)
        #expect(pruning.rank(before: before, after: Self.adapter(b: 0.5, a: 0.5)) == 3)
    }

    @Test(
        "rounds down, lets one component go at least, and stops at the minimum",
        arguments: [
            (0.99, 50, 1, 49), (0.99, 8, 1, 7), (0.5, 8, 1, 4), (0.5, 8, 6, 6), (0.99, 4, 5, 4), (1, 8, 1, 8),
            (0.1, 1, 1, 1),
        ]
    )
    func prefix(_ gamma: Double, _ rank: Int, _ minimum: Int, _ expected: Int) {
        #expect(RankPruning(gamma: gamma, minimumRank: minimum).prefix(ofRank: rank) == expected)
    }
}
