/// Takes a step from the previous global adapter in the direction of what a round combined.
///
/// Reddi et al., "Adaptive federated optimization", ICLR 2021, arXiv:2003.00295, algorithm 2; FedAvgM from Hsu, Qi &
/// Brown, "Measuring the effects of non-identical data distribution", 2019, arXiv:1909.06335. With the previous global x,
/// the aggregate x̄ of the round and the change D = x̄ − x, coordinate by coordinate:
///
///     FedAvgM      m ← βm + D                 x ← x + ηm
///     FedAdagrad   v ← v + D²                 x ← x + η·m/(√v + τ),  m ← β₁m + (1 − β₁)D
///     FedYogi      v ← v − (1 − β₂)·D²·sign(v − D²)     "
///     FedAdam      v ← β₂v + (1 − β₂)·D²               "
///
/// As in the paper, v starts at τ² and m at 0, and neither is corrected for that: a first step of FedAdam moves every
/// coordinate that changed by about η, however little it changed. D is nothing that a client sends, so an optimizer goes
/// with every robust rule, with secure sums and with differential privacy.
///
/// Moments belong to coordinates. Where a strategy splits a product anew every round, a factor's coordinates mean
/// something else each time; there FedAvgM keeps the momentum of the product, and the adaptive optimizers, whose v belongs
/// to single coordinates, are refused when a job is read.
package struct ServerOptimizer: Sendable, Hashable {
    /// Which moments there are and how they move.
    package enum Rule: Sendable, Hashable {
        /// FedAvgM with β, 0 ≤ β < 1.
        case momentum(Double)
        /// β₁ and β₂ from 0 to below 1, τ above 0.
        case adaptive(SecondMoment, beta1: Double, beta2: Double, tau: Double)
    }

    package let rule: Rule
    /// η, above 0.
    package let learningRate: Double

    /// Creates an optimizer.
    ///
    /// - Precondition: The values are in their ranges. ``ServerOptimizerRegistry`` checks what a job file says.
    package init(_ rule: Rule, learningRate: Double) {
        precondition(learningRate > 0 && learningRate.isFinite, "a learning rate of \(learningRate)")
        switch rule {
        case .momentum(let beta):
            precondition((0..<1).contains(beta), "a momentum of \(beta)")
        case .adaptive(_, let beta1, let beta2, let tau):
            precondition((0..<1).contains(beta1) && (0..<1).contains(beta2), "decays of \(beta1) and \(beta2)")
            precondition(tau > 0 && tau.isFinite, "τ = \(tau)")
        }
        self.rule = rule
        self.learningRate = learningRate
    }

    /// FedAvgM: β = 0.9 and η = 1.
    package static func fedAvgM(learningRate: Double = 1, momentum: Double = 0.9) -> ServerOptimizer {
        ServerOptimizer(.momentum(momentum), learningRate: learningRate)
    }

    /// FedAdagrad: β₁ = 0 and τ = 10⁻³.
    package static func fedAdagrad(
        learningRate: Double,
        beta1: Double = 0,
        tau: Double = 1e-3
    ) -> ServerOptimizer {
        ServerOptimizer(.adaptive(.adagrad, beta1: beta1, beta2: 0, tau: tau), learningRate: learningRate)
    }

    /// FedYogi: β₁ = 0.9, β₂ = 0.99 and τ = 10⁻³.
    package static func fedYogi(
        learningRate: Double,
        beta1: Double = 0.9,
        beta2: Double = 0.99,
        tau: Double = 1e-3
    ) -> ServerOptimizer {
        ServerOptimizer(.adaptive(.yogi, beta1: beta1, beta2: beta2, tau: tau), learningRate: learningRate)
    }

    /// FedAdam: β₁ = 0.9, β₂ = 0.99 and τ = 10⁻³.
    package static func fedAdam(
        learningRate: Double,
        beta1: Double = 0.9,
        beta2: Double = 0.99,
        tau: Double = 1e-3
    ) -> ServerOptimizer {
        ServerOptimizer(.adaptive(.adam, beta1: beta1, beta2: beta2, tau: tau), learningRate: learningRate)
    }

    /// The name that job files use.
    package var name: String {
        switch rule {
        case .momentum: "fedavgm"
        case .adaptive(.adagrad, _, _, _): "fedadagrad"
        case .adaptive(.yogi, _, _, _): "fedyogi"
        case .adaptive(.adam, _, _, _): "fedadam"
        }
    }

    /// v before the first step, or `nil` where there is none.
    var initialSecondMoment: Double? {
        switch rule {
        case .momentum: nil
        case .adaptive(_, _, _, let tau): tau * tau
        }
    }
}
