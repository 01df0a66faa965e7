package import Adapters
import LinearAlgebra

/// Averages an r×r core between factors that are frozen and the same everywhere.
///
/// Singhal et al., "Fed-SB: a silver bullet for extreme communication efficiency and performance in (private) federated
/// LoRA fine-tuning", arXiv:2502.15436; the layer is LoRA-XS's (Bałazy et al., arXiv:2405.17604). With shared B (d×r) and
/// A (r×k), cores Rᵢ (r×r), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     R = Σ wᵢ·(sᵢ/s)·Rᵢ,  so that  s·BRA = Σ wᵢ·sᵢ·B·Rᵢ·A  exactly
///
/// A client sends r² numbers whatever the width of the layer, so r may be large, and the noise of differential privacy
/// falls on few numbers and is not multiplied by another factor's. What can be learned lies between the columns of B and
/// the rows of A for good. The papers take both from the singular vectors of the first gradient of full fine-tuning,
/// which is computed from examples and has to be paid for where privacy counts; an initial adapter whose product is
/// that gradient starts a job this way.
package struct FedSB: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "fed-sb",
        paper: "Singhal et al., arXiv:2502.15436",
        ranks: .equal,
        averages: .factors,
        isExact: true,
        followsFromMean: true,
        privacy: "yes; linear, on the fewest numbers",
        sent: "r²",
        received: "r² + r(d+k)"
    )

    package init() {}

    package func trainedFactors(inRound round: Int) -> TrainedFactors { .core }

    /// Gives every layer a core: R = Σ/s between B = U and A = Vᵀ of the initial product s·BA = U·Σ·Vᵀ.
    ///
    /// Where the product is zero, as LoRA starts, R is zero; A is made orthonormal, and B is drawn orthonormal from the
    /// seed, because with B = 0 the core would have no gradient. Layers that have a core are left alone.
    package func start(from initial: LoRAAdapter, seed: UInt64) throws(AggregationError) -> LoRAAdapter {
        var adapter = initial
        for (path, module) in initial.modules where module.core == nil {
            adapter.modules[path] = try module.withCore(at: path, seed: seed)
        }
        return adapter
    }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        module.core = try layer.meanOfCores()
        return CombinedLayer(module)
    }
}

extension LoRAModule {
    fileprivate func withCore(at path: String, seed: UInt64) throws(AggregationError) -> LoRAModule {
        var module = self
        var core = Matrix(rows: rank, columns: rank)
        if b.frobeniusNorm == 0 {
            var generator = CounterGenerator(seed: seed, stream: path.utf8.map(UInt64.init))
            let count = min(rank, outputWidth)
            let drawn = (0..<outputWidth * count).map { _ in Float(generator.gaussian()) }
            let q = QRFactorization(of: Matrix(rows: outputWidth, columns: count, elements: drawn)).q()
            module.b = q.transposed().repeatingRows(toCount: rank).transposed()
            module.a = a.orthonormalizingRows()
        } else {
            var product = FactoredSum(rows: outputWidth, columns: inputWidth)
            product.add(b, a)
            let triplets: SingularValueDecomposition
            do throws(LinearAlgebraError) {
                triplets = try product.truncatedSVD(rank: rank)
            } catch {
                throw .factorizationFailed(module: path, reason: error.description)
            }
            module.b = triplets.u.transposed().repeatingRows(toCount: rank).transposed()
            module.a = triplets.vt.repeatingRows(toCount: rank)
            for (index, value) in triplets.singularValues.enumerated() { core[index, index] = Float(value) }
        }
        module.core = core
        return module
    }
}
