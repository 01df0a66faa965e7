import Adapters
import Aggregation
import LinearAlgebra
import TestSupport

/// The example that the strategies' golden numbers come from: d = 3, k = 2, two clients of ranks 1 and 2 with one and
/// three examples.
enum WorkedExample {
    /// B₁ = (1, 2, 0)ᵀ and A₁ = (1, 0).
    static func first(alpha: Double) -> LoRAModule {
        LoRAModule(a: Matrix([[1, 0]]), b: Matrix([[1], [2], [0]]), alpha: alpha)
    }

    static func second(alpha: Double) -> LoRAModule {
        LoRAModule(a: Matrix([[1, 1], [0, 2]]), b: Matrix([[0, 1], [1, 0], [1, 1]]), alpha: alpha)
    }

    /// α = 2 everywhere: s₁ = 2 and s₂ = 1.
    static let oneAlpha = updates([first(alpha: 2), second(alpha: 2)], weights: [1, 3])

    /// α = r: both scales are 1.
    static let unscaled = updates([first(alpha: 1), second(alpha: 2)], weights: [1, 3])

    /// Returns updates of adapters of one layer.
    static func updates(_ modules: [LoRAModule], weights: [Double]) -> [ClientUpdate] {
        zip(modules, weights).enumerated().map { index, update in
            ClientUpdate(
                client: ClientID("\(index)"),
                weight: update.1,
                adapter: LoRAAdapter(modules: ["layer": update.0])
            )
        }
    }

    /// Combines adapters of one layer, from a blank adapter unless there is another.
    static func next(
        _ strategy: some AggregationStrategy,
        _ updates: [ClientUpdate],
        from start: LoRAModule? = nil,
        round: RoundContext = .first
    ) throws -> LoRAAdapter {
        let global = try start.map { LoRAAdapter(modules: ["layer": $0]) } ?? LoRAAdapter(blankFor: updates)
        return try CohortAggregation(strategy: strategy).nextGlobal(from: global, updates: updates, round: round)
    }
}

extension Matrix {
    /// The largest magnitude in the difference to `expected`, or infinity where the shapes differ.
    func deviation(from expected: [[Double]]) -> Double {
        ReferenceMatrix(self).deviation(from: expected)
    }
}

extension ReferenceMatrix {
    /// The largest magnitude in the difference to `expected`, or infinity where the shapes differ.
    func deviation(from expected: [[Double]]) -> Double {
        guard expected.count == rows, expected.allSatisfy({ $0.count == columns }) else { return .infinity }
        return zip(elements, expected.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}
