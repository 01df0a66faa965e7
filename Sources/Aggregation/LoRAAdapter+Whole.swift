package import Adapters
import LinearAlgebra

extension LoRAAdapter {
    /// Returns everything that was learned as one plain LoRA adapter of the base model as it was published: what is
    /// folded into the base model and what is still trained, side by side, without cores.
    ///
    /// - Parameters:
    ///   - rank: The rank to which each layer is cut, by singular values; `nil` to keep every component. A layer of that
    ///     rank or a lower one is left whole.
    ///   - threads: How many threads to use; the result does not depend on it.
    /// - Returns: The adapter; layers that carry a residual have a scale of 1, and a rank of their own unless they are cut.
    /// - Throws: ``AggregationError/factorizationFailed(module:reason:)``, and
    ///   ``AggregationError/invalidRank(_:offered:)`` for a rank that no layer has components for.
    package func whole(
        atRank rank: Int? = nil,
        threads: Int = Concurrency.processorCount
    ) throws(AggregationError) -> LoRAAdapter {
        let width = modules.map { $1.rank + (residual[$0]?.rank ?? 0) }.max() ?? 1
        if let rank, !(1...width ~= rank) { throw .invalidRank(rank, offered: 1...width) }
        let paths = modules.keys.sorted()
        let plain = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            let path = paths[index]
            guard let module = modules[path] else { preconditionFailure("'\(path)' is one of the adapter's") }
            return try module.withoutCore.joined(with: residual[path], at: path, rank: rank)
        }
        return LoRAAdapter(
            modules: Dictionary(zip(paths, plain), uniquingKeysWith: { first, _ in first }),
            savedTensors: savedTensors
        )
    }
}

extension LoRAModule {
    /// Returns this module and `residual` as one.
    fileprivate func joined(
        with residual: LoRAModule?,
        at path: String,
        rank: Int?
    ) throws(AggregationError) -> LoRAModule {
        let width = self.rank + (residual?.rank ?? 0)
        if let rank, rank < width {
            var product = FactoredSum(rows: outputWidth, columns: inputWidth)
            product.add(b, a, coefficient: scaling)
            if let residual { product.add(residual.b, residual.a, coefficient: residual.scaling) }
            let empty = LoRAModule(
                a: Matrix(rows: rank, columns: inputWidth),
                b: Matrix(rows: outputWidth, columns: rank),
                alpha: residual == nil ? alpha : Double(rank),
                usesRankStabilizedScaling: residual == nil && usesRankStabilizedScaling
            )
            return try empty.rebased(on: product, path: path, threads: 1)
        }
        guard let residual else { return self }
        let (own, folded) = (Float(scaling), Float(residual.scaling))
        var joined = Matrix(rows: outputWidth, columns: width)
        for row in 0..<outputWidth {
            for column in 0..<self.rank { joined[row, column] = own * b[row, column] }
            for column in 0..<residual.rank { joined[row, self.rank + column] = folded * residual.b[row, column] }
        }
        return LoRAModule(
            a: Matrix(rows: width, columns: inputWidth, elements: a.elements + residual.a.elements),
            b: joined,
            alpha: Double(width)
        )
    }
}
