import Adapters
import LinearAlgebra

extension LoRAModule {
    /// Returns the module that holds as much of `product` as fits into its rank: A = Vᵀ, B = U·Σ/s.
    ///
    /// Rank and α stay. A product of exactly zero keeps A and clears B, as LoRA starts. Where the product has fewer
    /// components than the rank, rows of A without a column of B stay orthonormal while they can and repeat after that:
    /// a component whose A and B are both zero would have no gradient and could never be trained again.
    ///
    /// - Parameters:
    ///   - product: G, out×in, scales included.
    ///   - path: The layer, for messages.
    ///   - route: By which route to truncate; `nil` to choose by the product's size.
    ///   - threads: How many threads to use; the result does not depend on it.
    /// - Returns: The module; where the product does not fit in 32-bit floats, neither does B.
    /// - Throws: ``AggregationError/factorizationFailed(module:reason:)``.
    func rebased(
        on product: FactoredSum,
        path: String,
        route: FactoredSum.Route? = nil,
        threads: Int
    ) throws(AggregationError) -> LoRAModule {
        try truncating(product, path: path, route: route, threads: threads).module
    }

    /// Returns the module that holds as much of `product` as fits into its rank, by the route that the job chose, and
    /// says which one it was.
    func rebased(on product: FactoredSum, in layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let (module, report) = try truncating(product, path: layer.path, route: layer.route, threads: layer.threads)
        return CombinedLayer(module, truncation: report)
    }

    private func truncating(
        _ product: FactoredSum,
        path: String,
        route: FactoredSum.Route?,
        threads: Int
    ) throws(AggregationError) -> (module: LoRAModule, report: TruncationReport) {
        let (decomposition, report): (SingularValueDecomposition, TruncationReport)
        do throws(LinearAlgebraError) {
            (decomposition, report) = try product.truncation(rank: rank, route: route, threads: threads)
        } catch {
            throw .factorizationFailed(module: path, reason: error.description)
        }
        var module = self
        guard let largest = decomposition.singularValues.first, largest > 0 else {
            module.b = Matrix(rows: outputWidth, columns: rank)
            return (module, report)
        }
        let scales = decomposition.singularValues.map { Float($0 / scaling) }
        module.a = decomposition.vt.repeatingRows(toCount: rank)
        module.b = decomposition.u.scalingColumns(by: scales, paddedTo: rank)
        return (module, report)
    }
}
