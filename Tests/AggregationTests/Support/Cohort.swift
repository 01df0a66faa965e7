import Adapters
import Aggregation
import LinearAlgebra
import TestSupport

/// A global adapter with random values, and clients that start from it.
struct Cohort {
    var global: LoRAAdapter
    var generator: CounterGenerator

    /// Two modules of different widths, and a head.
    init(rank: Int, alpha: Double = 16, usesRankStabilizedScaling: Bool = false, seed: UInt64 = 20) {
        var generator = CounterGenerator(seed: seed)
        var modules: [String: LoRAModule] = [:]
        for (path, rows, columns) in [("layer.0.query", 14, 11), ("layer.1.value", 9, 13)] {
            modules[path] = LoRAModule(
                a: Matrix(gaussian: rank, columns, using: &generator),
                b: Matrix(gaussian: rows, rank, using: &generator, scale: 0.3),
                alpha: alpha,
                usesRankStabilizedScaling: usesRankStabilizedScaling
            )
        }
        self.global = LoRAAdapter(
            modules: modules,
            savedTensors: ["head.weight": DenseTensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6])]
        )
        self.generator = generator
    }

    /// Returns what a client hands in that downloads at `rank` and trains: every value moves by about `step`.
    mutating func update(
        _ name: String,
        rank: Int,
        weight: Double,
        of strategy: any AggregationStrategy,
        step: Double = 0.2
    ) throws -> ClientUpdate {
        var adapter = try strategy.adapter(forRank: rank, from: global)
        for path in adapter.modules.keys.sorted() {
            guard var module = adapter.modules[path] else { continue }
            module.a.add(Matrix(gaussian: module.a.rows, module.a.columns, using: &generator, scale: step))
            module.b.add(Matrix(gaussian: module.b.rows, module.b.columns, using: &generator, scale: step))
            adapter.modules[path] = module
        }
        for path in adapter.savedTensors.keys.sorted() {
            guard let tensor = adapter.savedTensors[path] else { continue }
            adapter.savedTensors[path]?.elements = tensor.elements.map { $0 + Float(step * generator.gaussian()) }
        }
        return ClientUpdate(client: ClientID(name), weight: weight, adapter: adapter)
    }

    /// Returns the updates of four clients with weights 1 to 4, at mixed ranks where the strategy takes them.
    mutating func updates(for strategy: StrategyUnderTest, step: Double = 0.2) throws -> [ClientUpdate] {
        let full = global.maximumRank
        let ranks = strategy.takesMixedRanks ? [max(1, full / 4), max(1, full / 2), full, max(1, full / 2)] : [full]
        return try (0..<4).map { index in
            try update(
                "client-\(index)",
                rank: ranks[index % ranks.count],
                weight: Double(index + 1),
                of: strategy.strategy,
                step: step
            )
        }
    }
}

extension LoRAModule {
    /// s·BA, multiplied out in 64 bits.
    var product: ReferenceMatrix {
        var product = ReferenceMatrix(rows: outputWidth, columns: inputWidth)
        product.add(b, a, scaledBy: scaling)
        return product
    }

    /// Returns the same product in another gauge: (BR⁻¹, RA) with R = diag·Q, condition 4.
    func gauged(using generator: inout CounterGenerator) -> LoRAModule {
        let q = QRFactorization(of: Matrix(gaussian: rank, rank, using: &generator)).q()
        let scales = (0..<rank).map { _ in Float(0.5 + 1.5 * generator.uniform()) }
        var module = self
        let diagonal = Matrix(
            rows: rank,
            columns: rank,
            elements: (0..<rank * rank).map { index in
                index / rank == index % rank ? scales[index % rank] : 0
            }
        )
        let inverse = Matrix(rows: rank, columns: rank, elements: diagonal.elements.map { $0 == 0 ? 0 : 1 / $0 })
        module.a = diagonal * (q * a)
        module.b = (b.timesTransposed(q)) * inverse
        return module
    }
}

extension LoRAAdapter {
    /// The largest relative distance between the products of two adapters' modules.
    func distance(to other: LoRAAdapter) -> Double {
        modules.reduce(0) { largest, entry in
            guard let module = other.modules[entry.key] else { return .infinity }
            return max(largest, entry.value.product.relativeDistance(to: module.product))
        }
    }
}

extension ClientUpdate {
    /// The adapter in memory.
    var resident: LoRAAdapter { adapter.resident() }
}
