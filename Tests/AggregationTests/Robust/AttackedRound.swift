import Adapters
import Aggregation
import LinearAlgebra
import TestSupport

/// A round in which most clients train in one direction, and some send something else.
struct AttackedRound {
    let global: LoRAAdapter
    let honest: [ClientUpdate]
    let attackers: [ClientUpdate]

    var updates: [ClientUpdate] { attackers + honest }

    /// What an attacker sends instead of a value x that it downloaded as x⁰ and would have trained to y.
    typealias Attack = @Sendable (_ start: Float, _ trained: Float) -> Float

    /// Eight honest clients and three attackers, all of weight 1.
    init(of strategy: any AggregationStrategy, ranks: [Int] = [4], by attack: Attack, seed: UInt64 = 5) throws {
        var cohort = Cohort(rank: 4, seed: seed)
        cohort.global = try strategy.start(from: cohort.global, seed: seed)
        let factors = strategy.trainedFactors(inRound: 1)
        var directions: [String: (a: Matrix, b: Matrix, core: Matrix)] = [:]
        for (path, module) in cohort.global.modules.sorted(by: { $0.key < $1.key }) {
            directions[path] = (
                Matrix(gaussian: 4, module.inputWidth, using: &cohort.generator, scale: 0.2),
                Matrix(gaussian: module.outputWidth, 4, using: &cohort.generator, scale: 0.2),
                Matrix(gaussian: 4, 4, using: &cohort.generator, scale: 0.2)
            )
        }
        var updates: [ClientUpdate] = []
        for index in 0..<11 {
            let start = try strategy.adapter(forRank: ranks[index % ranks.count], from: cohort.global)
            var adapter = start
            for (path, module) in start.modules.sorted(by: { $0.key < $1.key }) {
                guard let direction = directions[path] else { continue }
                var (a, b, core) = (module.a, module.b, module.core)
                if factors.includesA {
                    a.add(direction.a.firstRows(module.rank))
                    a.add(Matrix(gaussian: a.rows, a.columns, using: &cohort.generator, scale: 0.02))
                }
                if factors.includesB {
                    b.add(direction.b.firstColumns(module.rank))
                    b.add(Matrix(gaussian: b.rows, b.columns, using: &cohort.generator, scale: 0.02))
                }
                if factors.includesCore {
                    core?.add(direction.core)
                    core?.add(Matrix(gaussian: 4, 4, using: &cohort.generator, scale: 0.02))
                }
                if index < 3 {
                    a = factors.includesA ? Self.attack(a, from: module.a, attack) : a
                    b = factors.includesB ? Self.attack(b, from: module.b, attack) : b
                    if factors.includesCore, let trained = core, let before = module.core {
                        core = Self.attack(trained, from: before, attack)
                    }
                }
                adapter.modules[path] = LoRAModule(a: a, b: b, core: core, alpha: module.alpha)
            }
            for (path, tensor) in start.savedTensors {
                adapter.savedTensors[path]?.elements = tensor.elements.map { value in
                    let trained = value + 0.1 + Float(0.01 * cohort.generator.gaussian())
                    return index < 3 ? attack(value, trained) : trained
                }
            }
            // Names that mix the two kinds in the order in which they are combined.
            let name = "client-\((index * 4) % 11 + 10)"
            updates.append(ClientUpdate(client: ClientID(name), weight: 1, adapter: adapter))
        }
        self.global = cohort.global
        self.attackers = Array(updates.prefix(3))
        self.honest = Array(updates.dropFirst(3))
    }

    private static func attack(_ trained: Matrix, from start: Matrix, _ attack: Attack) -> Matrix {
        Matrix(
            rows: trained.rows,
            columns: trained.columns,
            elements: zip(start.elements, trained.elements).map { attack($0, $1) }
        )
    }
}
