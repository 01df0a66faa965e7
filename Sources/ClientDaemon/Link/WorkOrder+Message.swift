private import Adapters
private import Aggregation
package import FederatedLearning
package import WireProtocol

extension WorkOrder {
    /// Reads an order that the conversation has checked.
    ///
    /// - Throws: ``UnreadableOrder`` when a number does not fit this machine; the order is refused then.
    package init(_ message: Tributary_V1_Order) throws(UnreadableOrder) {
        try self.init(
            id: WorkOrder.ID(message.id),
            adapter: AdapterReference(message.adapter),
            assignment: Assignment(message.assignment)
        )
    }
}

/// An order that says something which this version does not understand.
package struct UnreadableOrder: Error, Hashable, CustomStringConvertible {
    package let field: String

    package var description: String {
        "The order's \(field) cannot be understood. Update fed-client to the server's release."
    }
}

extension WorkOrder.ID {
    package init(_ message: Tributary_V1_OrderID) throws(UnreadableOrder) {
        let kind: WorkOrder.Kind =
            switch message.kind {
            case .train: .train
            case .evaluate: .evaluate
            case .unspecified, .UNRECOGNIZED: throw UnreadableOrder(field: "id.kind")
            }
        self.init(job: JobID(rawValue: message.job), round: Int(message.round), kind: kind)
    }

    package var message: Tributary_V1_OrderID {
        var message = Tributary_V1_OrderID()
        message.job = job.rawValue
        message.round = UInt32(clamping: round)
        message.kind =
            switch kind {
            case .train: .train
            case .evaluate: .evaluate
            }
        return message
    }
}

extension AdapterReference {
    package init(_ message: Tributary_V1_AdapterReference) throws(UnreadableOrder) {
        guard let digest = PayloadDigest(bytes: message.sha256), let byteCount = Int(exactly: message.byteCount) else {
            throw UnreadableOrder(field: "adapter")
        }
        self.init(
            digest: ContentDigest(digest),
            byteCount: byteCount,
            rank: Int(message.rank),
            alpha: message.alpha,
            usesRankStabilizedScaling: message.rankStabilizedScaling
        )
    }

    package var message: Tributary_V1_AdapterReference {
        var message = Tributary_V1_AdapterReference()
        message.sha256 = PayloadDigest(digest).message
        message.byteCount = UInt64(byteCount)
        message.rank = UInt32(clamping: rank)
        message.alpha = alpha
        message.rankStabilizedScaling = usesRankStabilizedScaling
        return message
    }
}

extension Assignment {
    fileprivate init(_ message: Tributary_V1_Assignment) throws(UnreadableOrder) {
        guard let digest = PayloadDigest(bytes: message.modelSha256) else {
            throw UnreadableOrder(field: "assignment.model_sha256")
        }
        let task: JobConfiguration.Task =
            switch message.task {
            case .sequenceClassification: .sequenceClassification
            case .causalLm: .causalLanguageModel
            case .unspecified, .UNRECOGNIZED: throw UnreadableOrder(field: "assignment.task")
            }
        self.init(
            jobName: message.jobName,
            model: message.model,
            modelDigest: ContentDigest(digest),
            task: task,
            labels: message.labels,
            adapter: JobConfiguration.Adapter(
                rank: Int(message.rank),
                alpha: message.alpha,
                targetModules: message.targetModules,
                dropout: message.dropout,
                usesRankStabilizedScaling: message.rankStabilizedScaling,
                modulesToSave: message.modulesToSave,
                start: message.adapterConfiguration.isEmpty
                    ? nil : AdapterStart(configuration: message.adapterConfiguration)
            ),
            training: try JobConfiguration.Training(message.training),
            evaluation: JobConfiguration.Evaluation(
                every: Int(message.evaluation.every),
                sample: message.evaluation.sample == 0 ? nil : Int(message.evaluation.sample)
            ),
            seed: message.seed,
            rounds: max(1, Int(message.rounds)),
            rules: try LocalRules(message),
            privacy: message.hasPrivacy ? try PrivacySettings(message.privacy) : nil,
            strategy: message.strategy,
            lease: message.leaseSeconds == 0 ? Self.longestLease : .seconds(Int64(message.leaseSeconds))
        )
    }
}

extension PrivacySettings {
    fileprivate init(_ message: Tributary_V1_Privacy) throws(UnreadableOrder) {
        let mechanism: Mechanism =
            switch message.mechanism {
            case .central: .central
            case .local: .local
            case .exampleLevel: .exampleLevel
            case .tree: .tree
            // A silo that does not understand what is to protect it does not train.
            case .unspecified, .UNRECOGNIZED: throw UnreadableOrder(field: "assignment.privacy.mechanism")
            }
        guard message.clippingNorm > 0, message.clippingNorm.isFinite, message.noiseMultiplier > 0,
            message.noiseMultiplier.isFinite, message.delta > 0, message.delta < 1
        else { throw UnreadableOrder(field: "assignment.privacy") }
        self.init(
            mechanism: mechanism,
            clippingNorm: message.clippingNorm,
            noiseMultiplier: message.noiseMultiplier,
            delta: message.delta,
            epsilonBudget: message.epsilonBudget > 0 ? message.epsilonBudget : nil
        )
    }
}

extension LocalRules {
    fileprivate init(_ message: Tributary_V1_Assignment) throws(UnreadableOrder) {
        let trained = try TrainedFactors(message.trainedFactors, field: "assignment.trained_factors") ?? .both
        let sent = try TrainedFactors(message.sentFactors, field: "assignment.sent_factors") ?? trained
        var pruning: RankPruning?
        if message.hasRankPruning {
            let rules = message.rankPruning
            guard rules.gamma > 0, rules.gamma <= 1, rules.penalty >= 0, rules.penalty.isFinite else {
                throw UnreadableOrder(field: "assignment.rank_pruning")
            }
            pruning = RankPruning(
                gamma: rules.gamma,
                penalty: rules.penalty,
                minimumRank: max(1, Int(rules.minimumRank))
            )
        }
        self.init(
            scope: UpdateScope(trained: trained, sent: sent, sendsSavedTensors: !message.keepsSavedTensors),
            pruning: pruning,
            usesControlVariates: message.controlVariates
        )
    }
}

extension TrainedFactors {
    /// Reads a field; `nil` when it is absent.
    fileprivate init?(_ message: Tributary_V1_Factors, field: String) throws(UnreadableOrder) {
        switch message {
        case .unspecified: return nil
        case .both: self = .both
        case .a: self = .a
        case .b: self = .b
        case .core: self = .core
        case .UNRECOGNIZED: throw UnreadableOrder(field: field)
        }
    }
}

extension JobConfiguration.Training {
    fileprivate init(_ message: Tributary_V1_Training) throws(UnreadableOrder) {
        let optimizer: Optimizer =
            switch message.optimizer {
            case .adamw: .adamw
            case .sgd: .sgd
            case .unspecified, .UNRECOGNIZED: throw UnreadableOrder(field: "assignment.training.optimizer")
            }
        let schedule: LearningRateSchedule =
            switch message.schedule {
            case .unspecified, .constant: .constant
            case .linear: .linear
            case .cosine: .cosine
            case .UNRECOGNIZED: throw UnreadableOrder(field: "assignment.training.schedule")
            }
        self.init(
            epochs: Int(message.epochs),
            maximumSteps: message.maxSteps == 0 ? nil : Int(message.maxSteps),
            batchSize: Int(message.batchSize),
            maximumLength: Int(message.maxLength),
            optimizer: optimizer,
            learningRate: message.learningRate,
            schedule: schedule,
            warmupRatio: message.warmupRatio,
            loraPlusRatio: message.loraplusLrRatio == 0 ? 1 : message.loraplusLrRatio,
            maximumGradientNorm: message.maxGradNorm == 0 ? nil : message.maxGradNorm,
            weightDecay: message.weightDecay,
            momentum: message.momentum,
            proximalMu: message.proximalMu
        )
    }
}
