import Adapters

/// By what a client's factors are multiplied to be at another scale: the one factor that carries the scale, by sᵢ/s.
///
/// It is B where clients train it, and otherwise the only factor that they train.
struct FactorRatios: Sendable, Hashable {
    var a = 1.0
    var b = 1.0
    var core = 1.0

    /// Creates the ratios of a module with the scale `scaling` to one with the scale `global`.
    init(scaling: Double, global: Double, trained factors: TrainedFactors) {
        let ratio = scaling / global
        switch factors {
        case .both, .b: self.b = ratio
        case .a: self.a = ratio
        case .core: self.core = ratio
        }
    }
}
