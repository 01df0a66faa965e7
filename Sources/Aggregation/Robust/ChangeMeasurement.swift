import Adapters
import LinearAlgebra

/// Measures what the clients of a round changed: norms and inner products over all layers and saved tensors.
///
/// The change of a client is what it sends minus what it downloaded, in the space in which the strategy averages.
///
/// - In factor space it is the change of the factors that are sent, at the global scale, with zeros where the client has
///   no components.
/// - In product space it is sᵢBᵢAᵢ − s⁰B⁰A⁰, whatever its factors and ranks. No product is formed: with K = BᵢᵀBⱼ and
///   L = AᵢAⱼᵀ, the inner product of two is Σ K∘L, because ⟨BᵢAᵢ, BⱼAⱼ⟩ = tr(BᵢᵀBⱼ·AⱼAᵢᵀ).
///
/// Everything is added up in 64 bits, layer by layer in the order of their paths: the result depends on the updates
/// alone. All values have been found finite before. Inner products take n² numbers for each layer that is worked on, and as
/// many for the sum.
struct ChangeMeasurement: Sendable {
    /// In the order of the clients' names.
    let updates: [ClientUpdate]
    let global: LoRAAdapter
    let profile: StrategyProfile
    /// What clients train, and what of it they send.
    let scope: UpdateScope
    /// How many layers may be worked on at once; the result does not depend on it.
    let threads: Int

    /// Returns what a rule asks for, or `nil` where that is nothing.
    ///
    /// - Complexity: In factor space O(n²·p) for adapters of p numbers, in product space O(n²·r²·(out + in)) a layer;
    ///   of norms alone, a factor of n less.
    func measure(_ measure: ChangeMeasure) -> InnerProducts? {
        switch measure {
        case .nothing:
            return nil
        case .innerProducts:
            return innerProducts(among: [Array(updates.indices)])
        case .norms:
            return innerProducts(among: updates.indices.map { [$0] })
        }
    }

    /// A part of the adapter that is measured by itself.
    private enum Part: Sendable {
        case layer(String, LoRAModule)
        case savedTensor(String, DenseTensor)
    }

    private var parts: [Part] {
        let layers = global.modules.sorted { $0.key < $1.key }.map { Part.layer($0.key, $0.value) }
        guard profile.savedTensors == .averaged else { return layers }
        return layers + global.savedTensors.sorted { $0.key < $1.key }.map { .savedTensor($0.key, $0.value) }
    }

    /// Returns the inner products within each of some groups of clients; 0 between groups.
    private func innerProducts(among groups: [[Int]]) -> InnerProducts {
        let parts = parts
        var sum = InnerProducts(count: updates.count)
        // As many at a time as are worked on at once: kept for every part, n² numbers would outgrow the adapter.
        let batch = max(threads, 1)
        for start in stride(from: 0, to: parts.count, by: batch) {
            let products = Concurrency.map(min(batch, parts.count - start), threads: threads) { index in
                groups.map { innerProducts(of: $0, in: parts[start + index]) }
            }
            for part in products {
                for (group, within) in zip(groups, part) {
                    for (row, first) in group.enumerated() {
                        for (column, second) in group.enumerated() {
                            sum[first, second] += within[row, column]
                        }
                    }
                }
            }
        }
        return sum
    }

    private func innerProducts(of group: [Int], in part: Part) -> InnerProducts {
        let updates = group.map { self.updates[$0] }
        switch part {
        case .savedTensor(let path, let tensor):
            let changes = updates.compactMap { update in
                update.adapter.savedTensors[path].map { own in
                    let start = update.handed?.savedTensors[path] ?? tensor
                    return FactorChange(own.elements, from: StoredMatrix(start.row))
                }
            }
            return FactorChange.innerProducts(of: changes, shape: (1, tensor.elements.count))
        case .layer(let path, let module):
            let layers = updates.compactMap { update in
                update.adapter.modules[path].map { own in
                    let start = update.handed?.modules[path] ?? module
                    return LayerChange(own: own, start: start.truncated(toRank: own.rank))
                }
            }
            return switch profile.averages {
            case .factors: factorProducts(of: layers, global: module)
            case .products: LayerChange.productSpaceInnerProducts(of: layers)
            }
        }
    }

    private func factorProducts(of layers: [LayerChange], global: LoRAModule) -> InnerProducts {
        var sum = InnerProducts(count: layers.count)
        func add(_ changes: [FactorChange], _ shape: (rows: Int, columns: Int)) {
            sum.add(FactorChange.innerProducts(of: changes, shape: shape))
        }
        let ratios = layers.map { layer in
            (
                own: FactorRatios(scaling: layer.own.scaling, global: global.scaling, trained: scope.trained),
                start: FactorRatios(scaling: layer.start.scaling, global: global.scaling, trained: scope.trained)
            )
        }
        let pairs = zip(layers, ratios)
        if scope.sent.includesA {
            let changes = pairs.map { layer, ratio in
                FactorChange(layer.own.a, ratio.own.a, from: StoredMatrix(layer.start.a), ratio.start.a)
            }
            add(changes, (global.rank, global.inputWidth))
        }
        if scope.sent.includesB {
            let changes = pairs.map { layer, ratio in
                FactorChange(layer.own.b, ratio.own.b, from: StoredMatrix(layer.start.b), ratio.start.b)
            }
            add(changes, (global.outputWidth, global.rank))
        }
        if scope.sent.includesCore {
            let changes = pairs.compactMap { layer, ratio -> FactorChange? in
                guard let own = layer.own.core, let start = layer.start.core else { return nil }
                return FactorChange(own, ratio.own.core, from: StoredMatrix(start), ratio.start.core)
            }
            add(changes, (global.rank, global.rank))
        }
        return sum
    }
}
