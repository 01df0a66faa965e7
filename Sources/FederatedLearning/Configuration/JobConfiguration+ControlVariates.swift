internal import Adapters
internal import Aggregation

extension JobConfiguration {
    /// Checks that control variates, where the job uses them, mean something in it.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the reason.
    func checkControlVariates() throws(AggregationError) {
        guard training.usesControlVariates else { return }
        let strategy = try aggregationPlan().strategy
        let profile = strategy.profile
        let reason: String? =
            if profile.rebasesFactors {
                "\(profile.name) changes the basis of the factors every round, and control variates belong to factors"
            } else if profile.ranks == .mixed {
                "clients of \(profile.name) have different ranks, and one control variate has one shape"
            } else if strategy.scope(inRound: 1).isPersonal {
                "\(profile.name) keeps parts of the adapter on the clients"
            } else if strategy.trainedFactors(inRound: 1) != strategy.trainedFactors(inRound: 2) {
                "\(profile.name) trains another factor every round"
            } else if robust.rule != "none" {
                "robust rules do not look at control variates"
            } else {
                nil
            }
        if let reason {
            throw .unsuitableSetting(
                key: "training.scaffold",
                problem: "cannot be used: \(reason)",
                remedy: "Remove it, or use a strategy such as fedavg or ffa-lora without a robust rule."
            )
        }
        guard training.schedule == .constant, training.warmupRatio == 0, training.loraPlusRatio == 1 else {
            throw .unsuitableSetting(
                key: "training.scaffold",
                problem: "cannot be used: control variates are found from one learning rate for all steps and factors",
                remedy: "Remove `lr_scheduler_type`, `warmup_ratio` and `loraplus_lr_ratio`, or remove it."
            )
        }
        guard training.optimizer == .sgd, training.momentum == 0 else {
            throw .unsuitableSetting(
                key: "training.scaffold",
                problem: "needs plain SGD: a control variate is the mean gradient of its steps",
                remedy: "Write `optimizer: sgd` without `momentum`, or remove it."
            )
        }
    }
}
