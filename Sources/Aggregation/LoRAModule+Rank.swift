package import Adapters
import LinearAlgebra

extension LoRAModule {
    /// Returns the module cut to its first components, as a client that trains at `rank` starts from.
    ///
    /// α stays, so the scale changes with the rank and B is multiplied by s(old)/s(new): the cut product is the sum of
    /// the first `rank` components of this one. A module of that rank or a lower one is returned as it is.
    ///
    /// - Precondition: A module with a core is not cut: its components are not ordered.
    func truncated(toRank rank: Int) -> LoRAModule {
        guard rank < self.rank else { return self }
        precondition(core == nil, "a module with a core has one rank")
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
    /// Returns the adapter cut to `rank`, module by module; saved tensors and the residual stay whole.
    package func truncated(toRank rank: Int) -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.mapValues { $0.truncated(toRank: rank) },
            savedTensors: savedTensors,
            residual: residual,
            controls: controls
        )
    }
}
