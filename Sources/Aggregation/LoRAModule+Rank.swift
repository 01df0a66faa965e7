import Adapters
import LinearAlgebra

extension LoRAModule {
    /// Returns the module cut to its first components, as a client that trains at `rank` starts from.
    ///
    /// α stays, so the scale changes with the rank and B is multiplied by s(old)/s(new): the cut product is the sum of
    /// the first `rank` components of this one. A module of that rank or a lower one is returned as it is.
    func truncated(toRank rank: Int) -> LoRAModule {
        guard rank < self.rank else { return self }
        var module = LoRAModule(
            a: a.firstRows(rank),
            b: b.firstColumns(rank),
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
        // An α of 0 gives 0/0 here, and a product of zero either way.
        if module.scaling != 0 {
            module.b.scale(by: Float(scaling / module.scaling))
        }
        return module
    }
}

extension LoRAAdapter {
    /// Returns the adapter cut to `rank`, module by module; saved tensors stay whole.
    ///
    /// - Throws: ``AggregationError/invalidRank(_:offered:)`` when `rank` is less than 1 or more than the adapter's.
    func handedOut(atRank rank: Int) throws(AggregationError) -> LoRAAdapter {
        let offered = 1...max(maximumRank, 1)
        guard offered ~= rank else { throw .invalidRank(rank, offered: offered) }
        return LoRAAdapter(modules: modules.mapValues { $0.truncated(toRank: rank) }, savedTensors: savedTensors)
    }
}
