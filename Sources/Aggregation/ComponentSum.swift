import Adapters
import LinearAlgebra

/// Weighted sums of one layer's factors, component by component: of the rows of A and the columns of B.
///
/// An update of rank rᵢ adds to the first rᵢ components and to no other. Sums are kept in 64 bits and rounded once.
struct ComponentSum {
    private let global: LoRAModule
    /// Σ c·Aᵢ, r×in.
    private var a: [Double]
    /// Σ c·(sᵢ/s)·Bᵢ, out×r.
    private var b: [Double]
    /// Σ c of what was added to each of the r components.
    private var coefficients: [Double]

    /// Creates sums of zero of the shapes of `global`, whose scale is the s of the sums.
    init(like global: LoRAModule) {
        self.global = global
        self.a = [Double](repeating: 0, count: global.a.count)
        self.b = [Double](repeating: 0, count: global.b.count)
        self.coefficients = [Double](repeating: 0, count: global.rank)
    }

    /// Adds `coefficient` times an update's factors, B at the global scale.
    mutating func add(_ update: LayerUpdate, coefficient: Double) {
        let (rank, width) = (update.rank, global.rank)
        for component in 0..<rank { coefficients[component] += coefficient }
        update.a.withElements { source in
            for index in source.indices {
                a[index] += coefficient * Double(source[index])
            }
        }
        let scale = coefficient * update.scaling / global.scaling
        update.b.withElements { source in
            for row in 0..<global.outputWidth {
                for component in 0..<rank {
                    b[row * width + component] += scale * Double(source[row * rank + component])
                }
            }
        }
    }

    /// The sums themselves: what a component lacks counts as zero, and one that nobody added to is the global one.
    func paddedWithZeros() -> LoRAModule {
        keepingUnowned(module(factors: [Double](repeating: 1, count: global.rank)))
    }

    /// Each component divided by the coefficients that were added to it; one that nobody added to is the global one.
    func dividedByOwners() -> LoRAModule {
        keepingUnowned(module(factors: coefficients.map { $0 > 0 ? 1 / $0 : 0 }))
    }

    /// Puts the global components in the places of those that nobody added to.
    ///
    /// Zeros in A and B alike would have no gradient and could never be trained again.
    private func keepingUnowned(_ sums: LoRAModule) -> LoRAModule {
        var module = sums
        for component in 0..<global.rank where coefficients[component] == 0 {
            for column in 0..<global.inputWidth { module.a[component, column] = global.a[component, column] }
            for row in 0..<global.outputWidth { module.b[row, component] = global.b[row, component] }
        }
        return module
    }

    private func module(factors: [Double]) -> LoRAModule {
        let (rank, width) = (global.rank, global.inputWidth)
        var module = global
        module.a.withMutableElements { target in
            for index in target.indices {
                target[index] = Float(a[index] * factors[index / width])
            }
        }
        module.b.withMutableElements { target in
            for index in target.indices {
                target[index] = Float(b[index] * factors[index % rank])
            }
        }
        return module
    }
}
