/// The keys at the top of a job file.
enum JobKey: String, JobFileKey {
    case name, model, task, labels, adapter, strategy
    case robust
    case serverOptimizer = "server_optimizer"
    case rounds, cohort, asynchronous, training, evaluation, privacy, seed

    var example: String {
        switch self {
        case .name: "sentiment-four-silos"
        case .model: "path/to/model"
        case .task: "sequence-classification"
        case .labels: "[negative, neutral, positive]"
        case .adapter: "{r: 16, lora_alpha: 16, target_modules: [query, value]}"
        case .strategy: "{name: flexlora}"
        case .robust: "{rule: krum, byzantine: 1}"
        case .serverOptimizer: "{name: fedadam, learning_rate: 1.0e-3}"
        case .rounds: "10"
        case .cohort: "{size: 4, minimum: 3, deadline: 10m}"
        case .asynchronous: "{buffer: 10}"
        case .training: "{epochs: 1, batch_size: 16, learning_rate: 1.0e-3}"
        case .evaluation: "{every: 1}"
        case .privacy: "{mechanism: central, clipping_norm: 1.0, noise_multiplier: 1.0, delta: 1.0e-5}"
        case .seed: "1"
        }
    }
}

/// The keys of `adapter`, as PEFT names them.
enum AdapterKey: String, JobFileKey {
    case rank = "r"
    case alpha = "lora_alpha"
    case targetModules = "target_modules"
    case dropout = "lora_dropout"
    case usesRankStabilizedScaling = "use_rslora"
    case modulesToSave = "modules_to_save"
    case initialization = "init_lora_weights"
    case start

    var example: String {
        switch self {
        case .rank: "16"
        case .alpha: "16"
        case .targetModules: "[query, value]"
        case .dropout: "0.0"
        case .usesRankStabilizedScaling: "false"
        case .modulesToSave: "[classifier]"
        case .initialization: "pissa"
        case .start: "adapters/ia3"
        }
    }
}

/// The keys of `strategy`.
enum StrategyKey: String, JobFileKey {
    case name, mode, lambda, gamma, route
    case minimumRank = "minimum_rank"

    var example: String {
        switch self {
        case .name: "flexlora"
        case .mode: "delta"
        case .lambda: "0.01"
        case .gamma: "0.99"
        case .route: "gram"
        case .minimumRank: "4"
        }
    }
}

/// The keys of `server_optimizer`.
enum ServerOptimizerKey: String, JobFileKey {
    case name
    case learningRate = "learning_rate"
    case momentum, beta1, beta2, tau

    var example: String {
        switch self {
        case .name: "fedadam"
        case .learningRate: "1.0e-3"
        case .momentum, .beta1: "0.9"
        case .beta2: "0.99"
        case .tau: "1.0e-3"
        }
    }
}

/// The keys of `robust`.
enum RobustKey: String, JobFileKey {
    case rule, byzantine, trim, norm, iterations

    var example: String {
        switch self {
        case .rule: "krum"
        case .byzantine: "1"
        case .trim: "0.1"
        case .norm: "1.0"
        case .iterations: "4"
        }
    }
}

/// The keys of `cohort`.
enum CohortKey: String, JobFileKey {
    case size, minimum, deadline, patience
    case replacementDelay = "replace_after"
    case overselect, population, tags

    var example: String {
        switch self {
        case .size: "4"
        case .minimum: "3"
        case .deadline: "10m"
        case .patience: "4"
        case .replacementDelay: "30s"
        case .overselect: "1.0"
        case .population: "20"
        case .tags: "[site=berlin|paris, '!trial']"
        }
    }
}

/// The keys of `asynchronous`.
enum AsynchronousKey: String, JobFileKey {
    case buffer
    case maximumStaleness = "maximum_staleness"
    case stalenessExponent = "staleness_exponent"
    case normalization
    case learningRate = "learning_rate"

    var example: String {
        switch self {
        case .buffer: "10"
        case .maximumStaleness: "20"
        case .stalenessExponent: "0.5"
        case .normalization: "count"
        case .learningRate: "1.0"
        }
    }
}

/// The keys of `training`.
enum TrainingKey: String, JobFileKey {
    case epochs
    case maximumSteps = "max_steps"
    case batchSize = "batch_size"
    case maximumLength = "max_length"
    case optimizer
    case learningRate = "learning_rate"
    case schedule = "lr_scheduler_type"
    case warmupRatio = "warmup_ratio"
    case loraPlusRatio = "loraplus_lr_ratio"
    case maximumGradientNorm = "max_grad_norm"
    case weightDecay = "weight_decay"
    case momentum
    case proximalMu = "proximal_mu"
    case scaffold

    var example: String {
        switch self {
        case .epochs: "1"
        case .maximumSteps: "20"
        case .batchSize: "16"
        case .maximumLength: "64"
        case .optimizer: "adamw"
        case .learningRate: "1.0e-3"
        case .schedule: "cosine"
        case .warmupRatio: "0.1"
        case .loraPlusRatio: "16"
        case .maximumGradientNorm: "1.0"
        case .weightDecay: "0.01"
        case .momentum: "0.9"
        case .proximalMu: "0.01"
        case .scaffold: "true"
        }
    }
}

/// The keys of `evaluation`.
enum EvaluationKey: String, JobFileKey {
    case every, sample, clients

    var example: String {
        switch self {
        case .every: "1"
        case .sample: "200"
        case .clients: "20"
        }
    }
}

/// The keys of `privacy`.
enum PrivacyKey: String, JobFileKey {
    case mechanism
    case clippingNorm = "clipping_norm"
    case noiseMultiplier = "noise_multiplier"
    case delta
    case epsilonBudget = "epsilon_budget"
    case sampling, accountant
    case targetQuantile = "target_quantile"
    case clippingLearningRate = "clipping_learning_rate"
    case minimumSeparation = "min_separation"

    var example: String {
        switch self {
        case .mechanism: "central"
        case .clippingNorm: "1.0"
        case .noiseMultiplier: "1.0"
        case .delta: "1.0e-5"
        case .epsilonBudget: "8.0"
        case .sampling: "poisson"
        case .accountant: "pld"
        case .targetQuantile: "0.5"
        case .clippingLearningRate: "0.2"
        case .minimumSeparation: "4"
        }
    }
}
