package import Adapters
package import LinearAlgebra

/// One layer of a cohort's updates: what a strategy combines.
///
/// Names, shapes, ranks, scales and frozen factors were checked; clients of weight 0 are not among them. The values are
/// behind doors which check them as they read: ``meanOfA()``, ``meanOfB()`` and ``meanOfCores()`` in one pass over all
/// clients, ``checked()`` for everything else. Clients are in the order of their names.
package struct LayerUpdates: Sendable {
    /// The layer's path.
    package let path: String
    package let round: RoundContext
    /// What the round started from; its rank and scale are the result's.
    package let global: LoRAModule
    /// How many threads to use for this layer; no result depends on it.
    package let threads: Int
    /// By which route to truncate products; `nil` to choose by their size.
    package let route: FactoredSum.Route?
    private let updates: [LayerUpdate]
    /// What takes the place of the weighted mean, by order of a robust rule.
    private let rule: CoordinateRule?

    init(
        path: String,
        round: RoundContext,
        global: LoRAModule,
        updates: [LayerUpdate],
        rule: CoordinateRule? = nil,
        route: FactoredSum.Route? = nil,
        threads: Int
    ) {
        self.path = path
        self.round = round
        self.global = global
        self.updates = updates
        self.rule = rule
        self.route = route
        self.threads = threads
    }

    /// Returns the updates after a pass over all of their values.
    ///
    /// - Throws: ``AggregationError/notFinite(client:tensor:)``.
    package func checked() throws(AggregationError) -> [LayerUpdate] {
        for update in updates {
            for (name, matrix) in update.tensors(at: path) where !matrix.isFinite {
                throw .notFinite(client: update.client, tensor: name)
            }
        }
        return updates
    }

    /// Returns Σ wᵢAᵢ, rounded once from 64 bits; `atGlobalScale` makes it Σ wᵢ·(sᵢ/s)·Aᵢ, as where all share one B.
    ///
    /// - Precondition: All ranks are equal.
    /// - Throws: ``AggregationError/notFinite(client:tensor:)``.
    package func meanOfA(atGlobalScale: Bool = false) throws(AggregationError) -> Matrix {
        let coefficients = updates.map { $0.weight * (atGlobalScale ? $0.scaling / global.scaling : 1) }
        return try mean(of: updates.map(\.a), named: LoRAAdapter.nameOfA(path), coefficients: coefficients)
    }

    /// Returns Σ wᵢ·(sᵢ/s)·Bᵢ, the mean of B at the global scale s, rounded once from 64 bits.
    ///
    /// - Precondition: All ranks are equal.
    /// - Throws: ``AggregationError/notFinite(client:tensor:)``.
    package func meanOfB() throws(AggregationError) -> Matrix {
        let coefficients = updates.map { $0.weight * $0.scaling / global.scaling }
        return try mean(of: updates.map(\.b), named: LoRAAdapter.nameOfB(path), coefficients: coefficients)
    }

    /// Returns Σ wᵢ·(sᵢ/s)·Rᵢ, the mean of the cores at the global scale s, rounded once from 64 bits.
    ///
    /// - Precondition: All ranks are equal and every update has a core.
    /// - Throws: ``AggregationError/notFinite(client:tensor:)``.
    package func meanOfCores() throws(AggregationError) -> Matrix {
        let coefficients = updates.map { $0.weight * $0.scaling / global.scaling }
        return try mean(
            of: updates.compactMap(\.core),
            named: LoRAAdapter.nameOfCore(path),
            coefficients: coefficients
        )
    }

    private func mean(
        of matrices: [StoredMatrix],
        named name: String,
        coefficients: [Double]
    ) throws(AggregationError) -> Matrix {
        if let rule {
            // Values were checked before the rule decided; what is left of the coefficients is the scale.
            let scales = zip(updates, coefficients).map { $1 / $0.weight }
            let combination = CoordinateCombination(rule: rule, count: matrices.count)
            return combination.combine(matrices, scaledBy: scales, threads: threads)
        }
        let (sum, reports) = weightedSum(of: matrices, coefficients: coefficients, threads: threads)
        for (update, report) in zip(updates, reports) where !report.isFinite {
            throw .notFinite(client: update.client, tensor: name)
        }
        return sum
    }
}

extension LayerUpdate {
    /// The factors by the names that they have in a file.
    func tensors(at path: String) -> [(name: String, matrix: StoredMatrix)] {
        [(LoRAAdapter.nameOfA(path), a), (LoRAAdapter.nameOfB(path), b)]
            + (core.map { [(LoRAAdapter.nameOfCore(path), $0)] } ?? [])
    }
}
