import Adapters
import Aggregation
import LinearAlgebra

extension AdapterKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .rank: .integer(1...4096)
        case .alpha: .number(above: 0, to: 1e6)
        case .targetModules: .texts(count: 1...1024)
        case .dropout: .number(from: 0, below: 1)
        case .usesRankStabilizedScaling: .flag
        case .modulesToSave: .texts(count: 0...64)
        case .initialization: .choice(AdapterInitialization.self)
        case .start: .text(atMost: 4096)
        }
    }

    /// Without `start`; see ``sectionByStart``.
    var isRequired: Bool { false }
}

extension StrategyKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .name: .choice(StrategyRegistry.names)
        case .mode: .choice(AggregationMode.self)
        case .lambda: .number(from: 0, to: 1e6)
        case .gamma: .number(above: 0, to: 1)
        case .route: .choice(FactoredSum.Route.self)
        case .minimumRank: .integer(1...4096)
        }
    }

    var isRequired: Bool { self == .name }
}

extension RobustKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .rule: .choice(RobustRegistry.names)
        case .byzantine: .integer(0...100_000)
        case .trim: .number(from: 0, below: 0.5)
        case .norm: .number(above: 0)
        case .iterations: .integer(1...1000)
        }
    }

    var isRequired: Bool { self == .rule }
}

extension ServerOptimizerKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .name: .choice(ServerOptimizerRegistry.names)
        case .learningRate, .tau: .number(above: 0, to: 1000)
        case .momentum, .beta1, .beta2: .number(from: 0, below: 1)
        }
    }

    var isRequired: Bool { self == .name }
}

extension CohortKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .size, .minimum: .integer(1...100_000)
        case .deadline, .replacementDelay: .duration
        case .patience: .number(from: 0, to: 100)
        case .overselect: .number(from: 1, to: 10)
        case .population: .integer(1...1_000_000_000)
        case .tags: .texts(count: 0...32)
        }
    }

    var isRequired: Bool { self == .size }
}

extension AsynchronousKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .buffer: .integer(1...100_000)
        case .maximumStaleness: .integer(0...100_000)
        case .stalenessExponent: .number(from: 0, to: 10)
        case .normalization: .choice(BufferedAggregation.Normalization.self)
        case .learningRate: .number(above: 0, to: 100)
        }
    }

    var isRequired: Bool { false }
}

extension TrainingKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .epochs: .integer(1...10_000)
        case .maximumSteps: .integer(1...100_000_000)
        case .batchSize: .integer(1...65_536)
        case .maximumLength: .integer(3...1_048_576)
        case .optimizer: .choice(JobConfiguration.Training.Optimizer.self)
        case .learningRate: .number(above: 0, to: 100)
        case .schedule: .choice(LearningRateSchedule.self)
        case .warmupRatio, .momentum: .number(from: 0, below: 1)
        case .loraPlusRatio: .number(from: 0.01, to: 1000)
        case .maximumGradientNorm: .number(above: 0)
        case .weightDecay, .proximalMu: .number(from: 0, to: 100)
        case .scaffold: .flag
        }
    }

    var isRequired: Bool { false }
}

extension EvaluationKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .every: .integer(1...100_000)
        case .sample, .clients: .integer(1...100_000_000)
        }
    }

    var isRequired: Bool { false }
}

extension PrivacyKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .mechanism: .choice(["none"] + PrivacySettings.Mechanism.allCases.map(\.rawValue))
        case .clippingNorm: .number(above: 0, to: 1e6)
        case .noiseMultiplier: .number(from: 0.01, to: 1e6)
        case .delta, .targetQuantile: .number(above: 0, below: 1)
        case .epsilonBudget: .number(above: 0)
        case .sampling: .choice(PrivacySettings.Sampling.self)
        case .accountant: .choice(PrivacySettings.Accountant.self)
        case .clippingLearningRate: .number(above: 0, to: 10)
        case .minimumSeparation: .integer(0...100_000)
        }
    }

    var isRequired: Bool { self == .mechanism }
}
