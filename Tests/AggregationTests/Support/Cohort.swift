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
        self.init(
            global: LoRAAdapter(
                modules: modules,
                savedTensors: ["head.weight": DenseTensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6])]
            ),
            generator: generator
        )
    }

    /// The same, as a job with this strategy starts from it.
    init(
        rank: Int,
        alpha: Double = 16,
        usesRankStabilizedScaling: Bool = false,
        seed: UInt64 = 20,
        for test: StrategyUnderTest
    ) throws {
        self.init(rank: rank, alpha: alpha, usesRankStabilizedScaling: usesRankStabilizedScaling, seed: seed)
        global = try test.strategy.start(from: global, seed: seed)
    }

    init(global: LoRAAdapter, generator: CounterGenerator) {
        self.global = global
        self.generator = generator
    }

    /// Returns what a client hands in that downloads at `rank` and trains: every value that it sends moves by about
    /// `step`.
    mutating func update(
        _ name: String,
        rank: Int,
        weight: Double,
        of strategy: any AggregationStrategy,
        round: RoundContext = .first,
        step: Double = 0.2
    ) throws -> ClientUpdate {
        var adapter = try strategy.adapter(forRank: rank, from: global)
        let sent = strategy.sentFactors(inRound: round.number)
        for path in adapter.modules.keys.sorted() {
            guard var module = adapter.modules[path] else { continue }
            if sent.includesA {
                module.a.add(Matrix(gaussian: module.a.rows, module.a.columns, using: &generator, scale: step))
            }
            if sent.includesB {
                module.b.add(Matrix(gaussian: module.b.rows, module.b.columns, using: &generator, scale: step))
            }
            if sent.includesCore {
                let change = Matrix(gaussian: module.rank, module.rank, using: &generator, scale: step)
                module.core?.add(change)
            }
            adapter.modules[path] = module
        }
        for path in adapter.savedTensors.keys.sorted() {
            guard let tensor = adapter.savedTensors[path] else { continue }
            adapter.savedTensors[path]?.elements = tensor.elements.map { $0 + Float(step * generator.gaussian()) }
        }
        return ClientUpdate(client: ClientID(name), weight: weight, adapter: adapter)
    }

    /// Returns the updates of four clients with weights 1 to 4, at mixed ranks where the strategy takes them.
    mutating func updates(for test: StrategyUnderTest, step: Double = 0.2) throws -> [ClientUpdate] {
        let full = global.maximumRank
        let ranks = test.takesMixedRanks ? [max(1, full / 4), max(1, full / 2), full, max(1, full / 2)] : [full]
        return try (0..<4).map { index in
            try update(
                "client-\(index)",
                rank: ranks[index % ranks.count],
                weight: Double(index + 1),
                of: test.strategy,
                round: test.round,
                step: step
            )
        }
    }
}

extension ClientUpdate {
    /// The adapter, in memory.
    var resident: LoRAAdapter { adapter.resident() }

    /// The same with another adapter.
    func replacingAdapter(by adapter: LoRAAdapter) -> ClientUpdate {
        ClientUpdate(client: client, weight: weight, adapter: adapter)
    }
}

extension LoRAModule {
    /// s·BA, or s·BRA, multiplied out in 64 bits.
    var product: ReferenceMatrix {
        var product = ReferenceMatrix(rows: outputWidth, columns: inputWidth)
        product.add(core.map { b * $0 } ?? b, a, scaledBy: scaling)
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
    /// What the adapter makes of the base model at `path`: its product, and what earlier rounds folded in.
    func change(at path: String) -> ReferenceMatrix? {
        guard let module = modules[path] else { return nil }
        var change = module.product
        if let residual = residual[path] { change.add(residual.b, residual.a, scaledBy: residual.scaling) }
        return change
    }

    /// The largest relative distance between the changes that two adapters make.
    func distance(to other: LoRAAdapter) -> Double {
        modules.keys.reduce(0) { largest, path in
            guard let own = change(at: path), let others = other.change(at: path) else { return .infinity }
            return max(largest, own.relativeDistance(to: others))
        }
    }
}
