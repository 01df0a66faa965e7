/// A job's `privacy`: which mechanism hides whom, and what it may cost.
package struct PrivacySettings: Hashable, Sendable, Codable {
    package enum Mechanism: String, Sendable, Codable, CaseIterable {
        /// The server clips each client's whole update, and adds noise once to their sum: hides a client from everybody
        /// but the server (McMahan et al., ICLR 2018, arXiv:1710.06963).
        case central
        /// Every client clips and noises its update before it leaves the silo: hides a silo's data from the server, too.
        case local
        /// Every step of the local training clips each example's gradient and adds noise: hides an example of a silo's
        /// data from everybody outside (DP-LoRA, Liu et al., 2023, arXiv:2312.17493).
        case exampleLevel = "example-level"
        /// As `central`, with noise of a binary tree over the rounds that needs no assumption about who takes part when
        /// (DP-FTRL, Kairouz et al., ICML 2021, arXiv:2103.00039).
        case tree = "dp-ftrl"
    }

    /// How a round's clients are drawn.
    package enum Sampling: String, Sendable, Codable, CaseIterable {
        /// So many of those who are there. Nothing is gained from it: the accountant takes everybody to be in every round.
        ///
        /// Who is drawn counts as known: ε hides what a client sent, and not whether it is enrolled.
        case fixed
        /// Each client by a secret coin of its own, at the rate `cohort.size` / `cohort.population`.
        case poisson
    }

    /// Which bound on ε the ledger goes by.
    package enum Accountant: String, Sendable, Codable, CaseIterable {
        /// Rényi divergences: quick, and somewhat too high.
        case renyi = "rdp"
        /// Distributions of the privacy loss: the tightest.
        case lossDistribution = "pld"
    }

    /// How the clipping norm follows the updates (Andrew et al., NeurIPS 2021, arXiv:1905.03871).
    package struct AdaptiveClipping: Hashable, Sendable, Codable {
        /// γ: which share of the updates is to be left unclipped, in (0, 1).
        package var quantile: Double
        /// η: how fast the norm follows, above 0.
        package var learningRate: Double

        package init(quantile: Double = 0.5, learningRate: Double = 0.2) {
            self.quantile = quantile
            self.learningRate = learningRate
        }

        enum CodingKeys: String, CodingKey {
            case quantile
            case learningRate = "learning_rate"
        }
    }

    package var mechanism: Mechanism
    /// C: to which L2 norm an update, or an example's gradient, is clipped.
    package var clippingNorm: Double
    /// z: the noise's standard deviation in multiples of C.
    package var noiseMultiplier: Double
    /// δ: with which probability ε may be exceeded, in (0, 1).
    package var delta: Double
    /// The largest ε, above which a round is refused; `nil` where it is only counted.
    package var epsilonBudget: Double?
    package var sampling: Sampling
    package var accountant: Accountant
    /// `nil` where the clipping norm stays.
    package var adaptiveClipping: AdaptiveClipping?
    /// How many rounds lie between two of the same client at least, in `dp-ftrl`; 0 where it may take part in every round.
    package var minimumSeparation: Int

    package init(
        mechanism: Mechanism,
        clippingNorm: Double,
        noiseMultiplier: Double,
        delta: Double,
        epsilonBudget: Double? = nil,
        sampling: Sampling = .fixed,
        accountant: Accountant = .lossDistribution,
        adaptiveClipping: AdaptiveClipping? = nil,
        minimumSeparation: Int = 0
    ) {
        self.mechanism = mechanism
        self.clippingNorm = clippingNorm
        self.noiseMultiplier = noiseMultiplier
        self.delta = delta
        self.epsilonBudget = epsilonBudget
        self.sampling = sampling
        self.accountant = accountant
        self.adaptiveClipping = adaptiveClipping
        self.minimumSeparation = minimumSeparation
    }

    enum CodingKeys: String, CodingKey {
        case mechanism
        case clippingNorm = "clipping_norm"
        case noiseMultiplier = "noise_multiplier"
        case delta
        case epsilonBudget = "epsilon_budget"
        case sampling, accountant
        case adaptiveClipping = "adaptive_clipping"
        case minimumSeparation = "min_separation"
    }

    /// Whether the server adds the noise.
    package var isCentral: Bool { mechanism == .central || mechanism == .tree }
}
