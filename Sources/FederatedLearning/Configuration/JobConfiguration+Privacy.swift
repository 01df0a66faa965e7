package import Aggregation
internal import DifferentialPrivacy

extension JobConfiguration {
    /// Checks that the job's mechanism bounds what one client, or one example, can do to anything that is released.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the reason.
    package func checkPrivacy() throws(AggregationError) {
        guard let privacy else { return }
        guard cohort.replacementDelay == nil else {
            throw .unsuitableSetting(
                key: "cohort.replace_after",
                problem: "goes with no `privacy`: what a round costs is charged for the clients that were drawn for it",
                remedy: "Remove it, or ask more clients with `cohort.overselect`."
            )
        }
        try check(privacy)
        let plan = try aggregationPlan()
        switch privacy.mechanism {
        case .central, .tree: try checkCentral(privacy, plan)
        case .local: try checkLocal(privacy, plan)
        case .exampleLevel: try checkExampleLevel(privacy)
        }
        try checkBudget(privacy)
    }

    /// Checks what every mechanism asks for.
    private func check(_ privacy: PrivacySettings) throws(AggregationError) {
        if privacy.mechanism != .exampleLevel, privacy.delta * Double(cohort.population) >= 1 {
            throw .unsuitableSetting(
                key: "privacy.delta",
                problem: """
                    is \(privacy.delta), which lets a mechanism give away one of the \(cohort.population) clients of \
                    `cohort.population` altogether
                    """,
                remedy: "Write a number far below \(1 / Double(cohort.population))."
            )
        }
        if asynchronous != nil, privacy.mechanism != .exampleLevel {
            throw .unsuitableSetting(
                key: "privacy.mechanism",
                problem: """
                    is `\(privacy.mechanism.rawValue)`, and in asynchronous rounds nothing bounds how often a client takes part
                    """,
                remedy: "Remove `asynchronous`, or write `mechanism: example-level`."
            )
        }
        if training.usesControlVariates {
            throw .unsuitableSetting(
                key: "training.scaffold",
                problem: "sends a second vector that no mechanism clips",
                remedy: "Remove it, or write `privacy: {mechanism: none}`."
            )
        }
        if privacy.sampling == .poisson, privacy.mechanism != .central {
            throw .unsuitableSetting(
                key: "privacy.sampling",
                problem: "is `poisson`, and only `central` gains from how clients are drawn",
                remedy: "Remove it, or write `mechanism: central`."
            )
        }
        if privacy.adaptiveClipping != nil, privacy.mechanism != .central {
            throw .unsuitableSetting(
                key: "privacy.target_quantile",
                problem:
                    "does not go with `mechanism: \(privacy.mechanism.rawValue)`, whose clipping norm is one for the job",
                remedy: "Remove it, or write `mechanism: central`."
            )
        }
        if privacy.minimumSeparation > 0, privacy.mechanism != .tree {
            throw .unsuitableSetting(
                key: "privacy.min_separation",
                problem: "has no effect with `mechanism: \(privacy.mechanism.rawValue)`",
                remedy: "Remove it, or write `mechanism: dp-ftrl`."
            )
        }
    }

    private func checkCentral(_ privacy: PrivacySettings, _ plan: AggregationPlan) throws(AggregationError) {
        let profile = plan.strategy.profile
        let mechanism = privacy.mechanism.rawValue
        guard profile.followsFromMean else {
            throw .unsuitableSetting(
                key: "privacy.mechanism",
                problem: """
                    is `\(mechanism)`, and \(profile.name) needs more than the mean of the updates, so that no noise on a \
                    sum bounds what one client can do
                    """,
                remedy:
                    "Write `mechanism: local` or `example-level`, or use fedavg, ffa-lora, fedsvd, rolora or fed-sb."
            )
        }
        if privacy.mechanism == .tree,
            plan.strategy.trainedFactors(inRound: 1) != plan.strategy.trainedFactors(inRound: 2)
        {
            throw .unsuitableSetting(
                key: "strategy.name",
                problem: """
                    is '\(profile.name)', which trains other factors from round to round, so that the noise of a tree would \
                    never cancel
                    """,
                remedy: "Write `mechanism: central`, or use fedavg, ffa-lora or fed-sb."
            )
        }
        if plan.robustRule != nil {
            throw .unsuitableSetting(
                key: "robust.rule",
                problem: "looks at single updates, which `privacy.mechanism: \(mechanism)` lets no rule depend on",
                remedy: "Remove `robust`: clipping bounds every client already."
            )
        }
        if privacy.sampling == .poisson, cohort.overselect > 1 {
            throw .unsuitableSetting(
                key: "cohort.overselect",
                problem: "does not go with `privacy.sampling: poisson`, where secret coins decide who is asked",
                remedy: "Remove it."
            )
        }
        if let adaptive = privacy.adaptiveClipping {
            // σ_b = m/20 of the published method, so that z has to stay below 2·σ_b.
            let limit = 2 * Self.clippingCountNoise(for: cohort)
            guard privacy.noiseMultiplier < limit, adaptive.quantile > 0 else {
                throw .unsuitableSetting(
                    key: "privacy.target_quantile",
                    problem: """
                        cannot be afforded: the noise on the count of unclipped updates alone is \(limit) for a cohort \
                        of \(cohort.size), below the noise multiplier \(privacy.noiseMultiplier)
                        """,
                    remedy: "Use a larger cohort, or remove it."
                )
            }
        }
    }

    /// σ_b: the noise on the number of unclipped updates, a twentieth of the cohort as published.
    static func clippingCountNoise(for cohort: Cohort) -> Double { Double(cohort.size) / 20 }

    private func checkLocal(_ privacy: PrivacySettings, _ plan: AggregationPlan) throws(AggregationError) {
        guard plan.strategy.pruning == nil else {
            throw .unsuitableSetting(
                key: "strategy.gamma",
                problem: """
                    lets clients choose their rank by what they have learned, which a noised update would still show
                    """,
                remedy: "Write `gamma: 1`, so that ranks stay, or `mechanism: example-level`."
            )
        }
    }

    private func checkExampleLevel(_ privacy: PrivacySettings) throws(AggregationError) {
        if adapter.dropout > 0 {
            throw .unsuitableSetting(
                key: "adapter.lora_dropout",
                problem:
                    "ties an example's gradient to the others of its batch, so that nothing bounds one example's part",
                remedy: "Remove it, or write `privacy: {mechanism: none}`."
            )
        }
        if training.maximumGradientNorm != nil {
            throw .unsuitableSetting(
                key: "training.max_grad_norm",
                problem: "clips the noised gradient once more, which only removes signal",
                remedy: "Remove it: `privacy.clipping_norm` clips each example's."
            )
        }
    }

    /// Refuses a job whose first round would be refused.
    private func checkBudget(_ privacy: PrivacySettings) throws(AggregationError) {
        guard let budget = privacy.epsilonBudget else { return }
        let cost: Double
        do throws(PrivacyError) {
            guard let steps = try charge(after: PrivacyLedger()) else { return }
            cost = try PrivacyLedger().epsilon(by: privacy, with: steps)
        } catch {
            throw .unsuitableSetting(
                key: "privacy.noise_multiplier",
                problem: "cannot be accounted for: \(error)",
                remedy: ""
            )
        }
        guard cost <= budget else {
            throw .unsuitableSetting(
                key: "privacy.epsilon_budget",
                problem: "is \(budget), and the first round alone costs ε = \(PrivacyFigure.text(cost))",
                remedy: "Raise `noise_multiplier`: `fed-server privacy plan` says how far."
            )
        }
    }
}
