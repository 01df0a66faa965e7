package import Adapters

/// What a server optimizer carries from round to round: one value of m, and of v where it has one, for each of x.
///
/// Moments have the shape of an adapter, so they are stored like one, with the adapter that they belong to. They are kept
/// in 32 bits as it is: what is read back is what was there, bit by bit.
///
/// Where a strategy splits products anew every round, ``first`` holds the momentum of each layer's product instead, as
/// factors of a rank of its own and a scale of 1.
package struct ServerMoments: Sendable, Equatable, Codable {
    /// m.
    package var first: LoRAAdapter
    /// v; `nil` for FedAvgM.
    package var second: LoRAAdapter?

    /// Creates moments that were stored.
    package init(first: LoRAAdapter, second: LoRAAdapter?) {
        self.first = first
        self.second = second
    }

    /// Creates the moments before the first step from `adapter`: m = 0 and v = τ².
    init(before adapter: LoRAAdapter, optimizer: ServerOptimizer) {
        self.first = adapter.filled(with: 0)
        self.second = optimizer.initialSecondMoment.map { adapter.filled(with: Float($0)) }
    }
}

extension LoRAAdapter {
    /// Returns an adapter of the same shape with one value everywhere, and no residual.
    fileprivate func filled(with value: Float) -> LoRAAdapter {
        var adapter = LoRAAdapter(modules: modules, savedTensors: savedTensors)
        for (path, module) in modules {
            adapter.modules[path]?.a = module.a.filled(with: value)
            adapter.modules[path]?.b = module.b.filled(with: value)
            adapter.modules[path]?.core = module.core?.filled(with: value)
        }
        for (path, tensor) in savedTensors {
            adapter.savedTensors[path]?.elements = [Float](repeating: value, count: tensor.elements.count)
        }
        return adapter
    }
}
