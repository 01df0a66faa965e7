import Adapters
import Aggregation
import LinearAlgebra
import TestSupport

/// What a strategy combines, from the definition: dense, and in 64 bits except for factors, which are rounded once.
enum Oracle: Sendable {
    /// s·(Σ wB)(Σ wA), with B at the global scale.
    case productOfMeans
    /// Σ w·s·BA.
    case meanOfProducts
    /// G + Σ w·(s·BA − the first components of G).
    case meanOfChanges
    /// s·(Σ pB)(Σ pA), padded with zeros, with p = ‖s·BA‖/Σ‖s·BA‖.
    case meansByNorm
    /// s·B(Σ wA), with the global B.
    case meanOfA
    /// s·(B̄ + D)Ā, with the D that minimises ‖Σ wBA − (B̄ + D)Ā‖² + λ‖D‖².
    case ridge(Double)
    /// Every component of the factors averaged over the clients that own it.
    case meansByOwner
    /// Every component of the products averaged over the clients that own it.
    case productsByOwner

    private typealias Part = (module: LoRAModule, weight: Double)

    /// Returns the change of the layer at `path` after the round.
    func product(of path: String, from global: LoRAModule, _ updates: [ClientUpdate]) -> ReferenceMatrix {
        let total = updates.reduce(0) { $0 + $1.weight }
        let parts: [Part] = updates.compactMap { update in
            update.resident.modules[path].map { ($0, update.weight / total) }
        }
        var result = ReferenceMatrix(rows: global.outputWidth, columns: global.inputWidth)
        switch self {
        case .productOfMeans:
            let ones = [Double](repeating: 1, count: global.rank)
            return Self.means(parts, like: global, totals: ones).product
        case .meansByNorm:
            let norms = parts.map(\.module.product.norm)
            let sum = norms.reduce(0, +)
            let weighted = zip(parts, norms).map { part, norm in (part.module, norm / sum) }
            let ones = [Double](repeating: 1, count: global.rank)
            return Self.means(weighted, like: global, totals: ones).product
        case .meansByOwner:
            return Self.means(parts, like: global, totals: Self.owned(parts, count: global.rank)).product
        case .meanOfA:
            let ones = [Double](repeating: 1, count: global.rank)
            var module = Self.means(parts, like: global, totals: ones)
            module.b = global.b
            return module.product
        case .ridge(let penalty):
            return Self.ridge(parts, like: global, penalty: penalty)
        case .meanOfProducts:
            for (module, weight) in parts { result.add(module.product, scaledBy: weight) }
        case .meanOfChanges:
            result.add(global.b, global.a, scaledBy: global.scaling)
            for (module, weight) in parts {
                result.add(module.product, scaledBy: weight)
                let rank = module.rank
                result.add(global.b.firstColumns(rank), global.a.firstRows(rank), scaledBy: -weight * global.scaling)
            }
        case .productsByOwner:
            let owned = Self.owned(parts, count: global.rank)
            for component in 0..<global.rank {
                guard owned[component] > 0 else {
                    result.add(global.b.column(component), global.a.row(component), scaledBy: global.scaling)
                    continue
                }
                for (module, weight) in parts where module.rank > component {
                    let share = weight / owned[component] * module.scaling
                    result.add(module.b.column(component), module.a.row(component), scaledBy: share)
                }
            }
        }
        return result
    }

    /// The weight of the clients that have component j.
    private static func owned(_ parts: [Part], count: Int) -> [Double] {
        (0..<count).map { component in
            parts.reduce(0) { $0 + ($1.module.rank > component ? $1.weight : 0) }
        }
    }

    /// The means of the factors, component j divided by `totals[j]`.
    private static func means(_ parts: [Part], like global: LoRAModule, totals: [Double]) -> LoRAModule {
        var means = global
        for component in 0..<global.rank where totals[component] > 0 {
            let owners = parts.filter { $0.module.rank > component }
            for column in 0..<global.inputWidth {
                let sum = owners.reduce(0.0) { $0 + $1.weight * Double($1.module.a[component, column]) }
                means.a[component, column] = Float(sum / totals[component])
            }
            for row in 0..<global.outputWidth {
                let sum = owners.reduce(0.0) { sum, part in
                    let ratio = part.module.scaling / global.scaling
                    return sum + part.weight * ratio * Double(part.module.b[row, component])
                }
                means.b[row, component] = Float(sum / totals[component])
            }
        }
        return means
    }

    /// Solves the normal equations by elimination.
    private static func ridge(_ parts: [Part], like global: LoRAModule, penalty: Double) -> ReferenceMatrix {
        let means = means(parts, like: global, totals: [Double](repeating: 1, count: global.rank))
        var missing = ReferenceMatrix(rows: global.outputWidth, columns: global.inputWidth)
        for (module, weight) in parts { missing.add(module.product, scaledBy: weight / global.scaling) }
        missing.add(means.b, means.a, scaledBy: -1)
        let (rank, width, height) = (global.rank, global.inputWidth, global.outputWidth)
        func a(_ row: Int, _ column: Int) -> Double { Double(means.a[row, column]) }
        // (AAᵀ + λI)·Dᵀ = A·missingᵀ, both sides in one table.
        var table = (0..<rank).map { row in
            (0..<rank).map { other in
                (0..<width).reduce(row == other ? penalty : 0) { $0 + a(row, $1) * a(other, $1) }
            }
                + (0..<height).map { side in
                    (0..<width).reduce(0) { $0 + a(row, $1) * missing.elements[side * width + $1] }
                }
        }
        for pivot in 0..<rank {
            table[pivot] = table[pivot].map { $0 / table[pivot][pivot] }
            for row in 0..<rank where row != pivot {
                table[row] = zip(table[row], table[pivot]).map { $0 - table[row][pivot] * $1 }
            }
        }
        var corrected = means
        for row in 0..<height {
            for component in 0..<rank { corrected.b[row, component] += Float(table[component][rank + row]) }
        }
        return corrected.product
    }
}

extension ReferenceMatrix {
    /// A ← A + c·M.
    fileprivate mutating func add(_ other: ReferenceMatrix, scaledBy c: Double) {
        for index in elements.indices { elements[index] += c * other.elements[index] }
    }
}

extension Matrix {
    /// One column, as a matrix.
    fileprivate func column(_ index: Int) -> Matrix {
        Matrix((0..<rows).map { [self[$0, index]] })
    }

    /// One row, as a matrix.
    fileprivate func row(_ index: Int) -> Matrix {
        Matrix([(0..<columns).map { self[index, $0] }])
    }
}
