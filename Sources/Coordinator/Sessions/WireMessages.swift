import Adapters
import Aggregation
import FederatedLearning
import Foundation
import WireProtocol

// What the round's values look like as messages. Whatever comes from outside was checked for its form by the
// conversation; what has no counterpart here is `nil`.

extension WorkOrder.ID {
    init?(_ message: Tributary_V1_OrderID) {
        let kind: WorkOrder.Kind
        switch message.kind {
        case .train: kind = .train
        case .evaluate: kind = .evaluate
        case .unspecified, .UNRECOGNIZED: return nil
        }
        guard let round = Int(exactly: message.round) else { return nil }
        self.init(job: JobID(rawValue: message.job), round: round, kind: kind)
    }

    var message: Tributary_V1_OrderID {
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
    init?(_ message: Tributary_V1_AdapterReference) {
        guard let payload = PayloadDigest(bytes: message.sha256),
            let byteCount = Int(exactly: message.byteCount), let rank = Int(exactly: message.rank)
        else { return nil }
        self.init(
            digest: ContentDigest(payload),
            byteCount: byteCount,
            rank: rank,
            alpha: message.alpha,
            usesRankStabilizedScaling: message.rankStabilizedScaling
        )
    }

    var message: Tributary_V1_AdapterReference {
        var message = Tributary_V1_AdapterReference()
        message.sha256 = PayloadDigest(digest).message
        message.byteCount = UInt64(clamping: byteCount)
        message.rank = UInt32(clamping: rank)
        message.alpha = alpha
        message.rankStabilizedScaling = usesRankStabilizedScaling
        return message
    }
}

extension UpdateOffer {
    init?(_ message: Tributary_V1_UpdateOffer, from client: ClientID) {
        guard let order = WorkOrder.ID(message.id), let adapter = AdapterReference(message.adapter),
            let exampleCount = Int(exactly: message.exampleCount)
        else { return nil }
        self.init(
            client: client,
            order: order,
            adapter: adapter,
            exampleCount: exampleCount,
            metrics: PeerText.figures(message.metrics)
        )
    }
}

extension EvaluationReport {
    init?(_ message: Tributary_V1_EvaluationResult) {
        guard let exampleCount = Int(exactly: message.exampleCount) else { return nil }
        self.init(exampleCount: exampleCount, metrics: PeerText.figures(message.metrics))
    }
}

extension TrainingProgress {
    init(_ message: Tributary_V1_Progress) {
        self.init(step: Int(message.step), stepCount: Int(message.stepCount), loss: message.loss)
    }
}

// MARK: - Orders

extension WorkOrder {
    var message: Tributary_V1_Order {
        var message = Tributary_V1_Order()
        message.id = id.message
        message.adapter = adapter.message
        message.assignment = assignment.message
        return message
    }
}

extension Assignment {
    fileprivate var message: Tributary_V1_Assignment {
        var message = Tributary_V1_Assignment()
        message.jobName = jobName
        message.model = model
        message.modelSha256 = PayloadDigest(modelDigest).message
        message.task =
            switch task {
            case .sequenceClassification: .sequenceClassification
            case .causalLanguageModel: .causalLm
            }
        message.labels = labels
        message.rank = UInt32(clamping: adapter.rank)
        message.alpha = adapter.alpha
        message.rankStabilizedScaling = adapter.usesRankStabilizedScaling
        message.dropout = adapter.dropout
        message.targetModules = adapter.targetModules
        message.modulesToSave = adapter.modulesToSave
        message.adapterConfiguration = adapter.start?.configuration ?? ""
        message.training = training.message
        message.evaluation.every = UInt32(clamping: evaluation.every)
        message.evaluation.sample = UInt32(clamping: evaluation.sample ?? 0)
        message.seed = seed
        message.trainedFactors = rules.scope.trained.message
        message.sentFactors = rules.scope.sent.message
        message.keepsSavedTensors = !rules.scope.sendsSavedTensors
        if let pruning = rules.pruning {
            message.rankPruning.gamma = pruning.gamma
            message.rankPruning.penalty = pruning.penalty
            message.rankPruning.minimumRank = UInt32(clamping: pruning.minimumRank)
        }
        message.controlVariates = rules.usesControlVariates
        message.rounds = UInt32(clamping: rounds)
        message.leaseSeconds = UInt32(clamping: lease.components.seconds)
        message.strategy = strategy
        if let privacy { message.privacy = privacy.message }
        return message
    }
}

extension PrivacySettings {
    fileprivate var message: Tributary_V1_Privacy {
        var message = Tributary_V1_Privacy()
        message.mechanism =
            switch mechanism {
            case .central: .central
            case .local: .local
            case .exampleLevel: .exampleLevel
            case .tree: .tree
            }
        message.clippingNorm = clippingNorm
        message.noiseMultiplier = noiseMultiplier
        message.delta = delta
        message.epsilonBudget = epsilonBudget ?? 0
        return message
    }
}

extension TrainedFactors {
    fileprivate var message: Tributary_V1_Factors {
        switch self {
        case .both: .both
        case .a: .a
        case .b: .b
        case .core: .core
        }
    }
}

extension JobConfiguration.Training {
    fileprivate var message: Tributary_V1_Training {
        var message = Tributary_V1_Training()
        message.epochs = UInt32(clamping: epochs)
        message.maxSteps = UInt32(clamping: maximumSteps ?? 0)
        message.batchSize = UInt32(clamping: batchSize)
        message.maxLength = UInt32(clamping: maximumLength)
        message.optimizer =
            switch optimizer {
            case .adamw: .adamw
            case .sgd: .sgd
            }
        message.learningRate = learningRate
        message.weightDecay = weightDecay
        message.momentum = momentum
        message.proximalMu = proximalMu
        message.schedule =
            switch schedule {
            case .constant: .constant
            case .linear: .linear
            case .cosine: .cosine
            }
        message.warmupRatio = warmupRatio
        message.loraplusLrRatio = loraPlusRatio
        message.maxGradNorm = maximumGradientNorm ?? 0
        return message
    }
}
