import Adapters
import Aggregation
import LinearAlgebra

/// Clients with random adapters of square layers.
struct RandomCohort {
    let global: LoRAAdapter
    let updates: [ClientUpdate]

    /// Creates a cohort.
    ///
    /// - Parameters:
    ///   - size: Height and width of every layer.
    ///   - layers: How many layers there are.
    ///   - clients: How many clients there are, all of equal weight.
    ///   - rank: Every client's rank.
    ///   - globalRank: The global adapter's rank.
    init(size: Int, layers: Int = 1, clients: Int, rank: Int, globalRank: Int) {
        var generator = CounterGenerator(seed: 2)
        func adapter(rank: Int) -> LoRAAdapter {
            LoRAAdapter(
                modules: Dictionary(
                    uniqueKeysWithValues: (0..<layers).map { layer in
                        let a = (0..<rank * size).map { _ in Float(generator.gaussian()) }
                        let b = (0..<size * rank).map { _ in Float(generator.gaussian()) }
                        return (
                            "layer.\(layer)",
                            LoRAModule(
                                a: Matrix(rows: rank, columns: size, elements: a),
                                b: Matrix(rows: size, columns: rank, elements: b),
                                alpha: 16
                            )
                        )
                    }
                )
            )
        }
        self.global = adapter(rank: globalRank)
        self.updates = (0..<clients).map {
            ClientUpdate(client: ClientID("client-\($0)"), weight: 1, adapter: adapter(rank: rank))
        }
    }

    /// The sum of the first layer's products.
    var sum: FactoredSum {
        let modules = updates.compactMap { $0.adapter.modules["layer.0"] }
        var sum = FactoredSum(rows: modules[0].outputWidth, columns: modules[0].inputWidth)
        for module in modules {
            sum.add(module.b, module.a, coefficient: module.scaling / Double(modules.count))
        }
        return sum
    }
}
