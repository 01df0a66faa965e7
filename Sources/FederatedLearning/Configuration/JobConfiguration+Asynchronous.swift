import Adapters
package import Aggregation

extension JobConfiguration {
    /// Asynchronous rounds, as in the job's `asynchronous`; the defaults are those of FedBuff, but for the limit of age.
    package struct Asynchronous: Hashable, Sendable, Codable {
        /// K: how many updates make a step.
        package var buffer: Int
        /// τ up to which updates are taken.
        package var maximumStaleness: Int
        /// An update that is τ versions old counts (1 + τ)^−exponent.
        package var stalenessExponent: Double
        package var normalization: BufferedAggregation.Normalization
        /// η of a step.
        package var learningRate: Double

        package init(
            buffer: Int = 10,
            maximumStaleness: Int = 20,
            stalenessExponent: Double = 0.5,
            normalization: BufferedAggregation.Normalization = .count,
            learningRate: Double = 1
        ) {
            self.buffer = buffer
            self.maximumStaleness = maximumStaleness
            self.stalenessExponent = stalenessExponent
            self.normalization = normalization
            self.learningRate = learningRate
        }

        private enum CodingKeys: String, CodingKey {
            case buffer
            case maximumStaleness = "maximum_staleness"
            case stalenessExponent = "staleness_exponent"
            case normalization
            case learningRate = "learning_rate"
        }
    }
}

extension JobConfiguration.Asynchronous {
    /// The arithmetic of a step.
    package var aggregation: BufferedAggregation {
        BufferedAggregation(
            bufferSize: buffer,
            // A square root is correctly rounded, a power is not.
            staleness: stalenessExponent == 0.5 ? .inverseSquareRoot : .polynomial(exponent: stalenessExponent),
            maximumStaleness: maximumStaleness,
            normalization: normalization,
            learningRate: learningRate
        )
    }

    /// Checks that the rest of a job goes with asynchronous rounds.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` for the first key that does not.
    static func check(
        goesWith plan: AggregationPlan,
        of job: JobConfiguration
    ) throws(AggregationError) {
        let remedy = "Remove it, or remove `asynchronous`."
        try AsynchronousAggregation.check(goesWith: plan.strategy)
        guard !plan.strategy.scope(inRound: 1).isPersonal else {
            throw .unsuitableSetting(
                key: "strategy.name",
                problem: """
                    is '\(plan.strategy.profile.name)', which leaves a part of the adapter on its clients from round to round, \
                    and asynchronous rounds are not the same for all clients
                    """,
                remedy: "Use a strategy such as fedavg, ffa-lora, rbla, fed-sb or flexlora, or remove `asynchronous`."
            )
        }
        guard job.strategy.mode != .state else {
            throw .unsuitableSetting(
                key: "strategy.mode",
                problem: "is 'state', and asynchronous rounds add up what changed",
                remedy: remedy
            )
        }
        guard plan.robustRule == nil else {
            throw .unsuitableSetting(
                key: "robust.rule",
                problem:
                    "is '\(job.robust.rule)', and rules that compare the updates of one round are not offered with `asynchronous`",
                remedy: remedy
            )
        }
        guard plan.optimizer == nil else {
            throw .unsuitableSetting(
                key: "server_optimizer.name",
                problem:
                    "is '\(job.serverOptimizer.name)', and server optimizers are not offered with `asynchronous`, whose `learning_rate` scales a step",
                remedy: remedy
            )
        }
        guard !job.training.usesControlVariates else {
            throw .unsuitableSetting(
                key: "training.scaffold",
                problem: "cannot be used: control variates are those of one round for all clients",
                remedy: remedy
            )
        }
        guard job.cohort.patience == nil, job.cohort.replacementDelay == nil else {
            throw .unsuitableSetting(
                key: job.cohort.patience == nil ? "cohort.replace_after" : "cohort.patience",
                problem: "is for rounds that wait for their cohort, and asynchronous rounds wait for nobody",
                remedy: remedy
            )
        }
        guard job.cohort.overselect == 1 else {
            throw .unsuitableSetting(
                key: "cohort.overselect",
                problem: "is \(job.cohort.overselect), and asynchronous rounds wait for nobody",
                remedy: "Remove it: `cohort.size` is how many clients work at a time."
            )
        }
    }
}
