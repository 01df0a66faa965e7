import Adapters
import Aggregation

// What a server or client of an earlier version stored lacks the keys that came later.

extension JobConfiguration {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            model: try container.decode(String.self, forKey: .model),
            task: try container.decode(Task.self, forKey: .task),
            labels: try container.decode([String].self, forKey: .labels),
            adapter: try container.decode(Adapter.self, forKey: .adapter),
            strategy: try container.decode(StrategySettings.self, forKey: .strategy),
            robust: try container.decodeIfPresent(RobustSettings.self, forKey: .robust) ?? RobustSettings(),
            serverOptimizer: try container.decodeIfPresent(ServerOptimizerSettings.self, forKey: .serverOptimizer)
                ?? ServerOptimizerSettings(),
            rounds: try container.decode(Int.self, forKey: .rounds),
            cohort: try container.decode(Cohort.self, forKey: .cohort),
            asynchronous: try container.decodeIfPresent(Asynchronous.self, forKey: .asynchronous),
            training: try container.decode(Training.self, forKey: .training),
            evaluation: try container.decode(Evaluation.self, forKey: .evaluation),
            privacy: try container.decodeIfPresent(PrivacySettings.self, forKey: .privacy),
            seed: try container.decode(UInt64.self, forKey: .seed)
        )
    }
}

extension JobConfiguration.Training {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            epochs: try container.decode(Int.self, forKey: .epochs),
            maximumSteps: try container.decodeIfPresent(Int.self, forKey: .maximumSteps),
            batchSize: try container.decode(Int.self, forKey: .batchSize),
            maximumLength: try container.decode(Int.self, forKey: .maximumLength),
            optimizer: try container.decode(Optimizer.self, forKey: .optimizer),
            learningRate: try container.decode(Double.self, forKey: .learningRate),
            schedule: try container.decodeIfPresent(LearningRateSchedule.self, forKey: .schedule) ?? .constant,
            warmupRatio: try container.decodeIfPresent(Double.self, forKey: .warmupRatio) ?? 0,
            loraPlusRatio: try container.decodeIfPresent(Double.self, forKey: .loraPlusRatio) ?? 1,
            maximumGradientNorm: try container.decodeIfPresent(Double.self, forKey: .maximumGradientNorm),
            weightDecay: try container.decode(Double.self, forKey: .weightDecay),
            momentum: try container.decode(Double.self, forKey: .momentum),
            proximalMu: try container.decodeIfPresent(Double.self, forKey: .proximalMu) ?? 0,
            usesControlVariates: try container.decodeIfPresent(Bool.self, forKey: .usesControlVariates) ?? false
        )
    }
}

extension JobConfiguration.Cohort {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            size: try container.decode(Int.self, forKey: .size),
            minimum: try container.decode(Int.self, forKey: .minimum),
            deadline: try container.decode(Duration.self, forKey: .deadline),
            patience: try container.decodeIfPresent(Double.self, forKey: .patience),
            replacementDelay: try container.decodeIfPresent(Duration.self, forKey: .replacementDelay),
            overselect: try container.decode(Double.self, forKey: .overselect),
            population: try container.decodeIfPresent(Int.self, forKey: .population),
            tags: try container.decodeIfPresent(TagSelector.self, forKey: .tags) ?? .everybody
        )
    }
}

extension JobConfiguration.Adapter {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            rank: try container.decode(Int.self, forKey: .rank),
            alpha: try container.decode(Double.self, forKey: .alpha),
            targetModules: try container.decode([String].self, forKey: .targetModules),
            dropout: try container.decode(Double.self, forKey: .dropout),
            usesRankStabilizedScaling: try container.decode(Bool.self, forKey: .usesRankStabilizedScaling),
            modulesToSave: try container.decode([String].self, forKey: .modulesToSave),
            initialization: try container.decodeIfPresent(AdapterInitialization.self, forKey: .initialization)
                ?? .kaiming,
            start: try container.decodeIfPresent(AdapterStart.self, forKey: .start)
        )
    }
}
