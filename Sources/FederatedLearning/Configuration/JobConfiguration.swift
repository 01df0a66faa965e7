package import Adapters
package import Aggregation

/// A job as its author wrote it: the file `fed-server job submit` takes.
///
/// Keys are snake_case as in PEFT (``CodingKeys``); the reader that turns YAML into this value and names unknown keys is
/// ``JobFile``.
package struct JobConfiguration: Hashable, Sendable, Codable {
    package enum Task: String, Sendable, Codable, CaseIterable {
        case sequenceClassification = "sequence-classification"
        case causalLanguageModel = "causal-lm"
    }

    package var name: String
    /// A path, or a name that each side resolves.
    package var model: String
    package var task: Task
    /// The class names of a classification, in the order of the head's rows.
    package var labels: [String]
    package var adapter: Adapter
    package var strategy: StrategySettings
    /// What the server does about wrong clients, before the strategy.
    package var robust: RobustSettings
    /// How the server steps from one global adapter to the next, after the strategy.
    package var serverOptimizer: ServerOptimizerSettings
    /// How many adapters follow the initial one.
    package var rounds: Int
    package var cohort: Cohort
    /// `nil` where a round waits for its cohort.
    package var asynchronous: Asynchronous?
    package var training: Training
    package var evaluation: Evaluation
    /// `nil` where nothing is clipped or noised.
    package var privacy: PrivacySettings?
    package var seed: UInt64

    enum CodingKeys: CodingKey {
        case name, model, task, labels, adapter, strategy, robust, serverOptimizer, rounds, cohort, asynchronous,
            training
        case evaluation, privacy, seed
    }

    package struct Adapter: Hashable, Sendable, Codable {
        /// The largest rank, at which the global adapter is kept.
        package var rank: Int
        package var alpha: Double
        package var targetModules: [String]
        package var dropout: Double
        package var usesRankStabilizedScaling: Bool
        package var modulesToSave: [String]
        /// How the server fills the factors of the adapter that the job starts from.
        package var initialization: AdapterInitialization
        /// The adapter of another kind than LoRA that the job starts from; rank and α are 1 then, and nothing is targeted.
        package var start: AdapterStart?

        package init(
            rank: Int,
            alpha: Double,
            targetModules: [String],
            dropout: Double = 0,
            usesRankStabilizedScaling: Bool = false,
            modulesToSave: [String] = [],
            initialization: AdapterInitialization = .kaiming,
            start: AdapterStart? = nil
        ) {
            self.initialization = initialization
            self.start = start
            self.rank = rank
            self.alpha = alpha
            self.targetModules = targetModules
            self.dropout = dropout
            self.usesRankStabilizedScaling = usesRankStabilizedScaling
            self.modulesToSave = modulesToSave
        }

        enum CodingKeys: String, CodingKey {
            case rank = "r"
            case alpha = "lora_alpha"
            case targetModules = "target_modules"
            case dropout = "lora_dropout"
            case usesRankStabilizedScaling = "use_rslora"
            case modulesToSave = "modules_to_save"
            case initialization = "init_lora_weights"
            case start
        }
    }

    package struct Cohort: Hashable, Sendable, Codable {
        /// With how many updates a round closes; in asynchronous rounds, how many clients work at a time.
        package var size: Int
        /// With how many updates a round may close when no more can come, or at its deadline; with how many clients
        /// asynchronous rounds begin.
        package var minimum: Int
        /// How long a round waits for updates; in asynchronous rounds, how long a client may take for one.
        package var deadline: Duration
        /// k: from median + k·MAD of the times that updates took on, a round closes with the minimum; `nil` to wait for
        /// ``deadline``.
        package var patience: Double?
        /// After how long another client takes the part of one that is gone; `nil` for never.
        package var replacementDelay: Duration?
        /// By which factor more clients are asked than updates are wanted, at least 1.
        package var overselect: Double
        /// N: how many clients rounds choose from, which SCAFFOLD needs to know; by default ``size``.
        package var population: Int
        /// Who is chosen from.
        package var tags: TagSelector

        enum CodingKeys: String, CodingKey {
            case size, minimum, deadline, patience
            case replacementDelay = "replace_after"
            case overselect, population, tags
        }

        package init(
            size: Int,
            minimum: Int,
            deadline: Duration,
            patience: Double? = nil,
            replacementDelay: Duration? = nil,
            overselect: Double = 1,
            population: Int? = nil,
            tags: TagSelector = .everybody
        ) {
            self.population = population ?? size
            self.tags = tags
            self.size = size
            self.minimum = minimum
            self.deadline = deadline
            self.patience = patience
            self.replacementDelay = replacementDelay
            self.overselect = overselect
        }
    }

    package struct Training: Hashable, Sendable, Codable {
        package enum Optimizer: String, Sendable, Codable, CaseIterable {
            case adamw
            case sgd
        }

        package var epochs: Int
        /// Stops the local training of a round after so many steps; `nil` for whole epochs.
        package var maximumSteps: Int?
        package var batchSize: Int
        /// Longer texts are cut to so many tokens.
        package var maximumLength: Int
        package var optimizer: Optimizer
        /// The largest learning rate of the schedule.
        package var learningRate: Double
        /// How the learning rate changes over all steps of all rounds.
        package var schedule: LearningRateSchedule
        /// The share of the job in which the learning rate rises from 0 to its largest value, from 0 to below 1.
        package var warmupRatio: Double
        /// By how much faster B learns than A (LoRA+, Hayou et al., 2024, arXiv:2402.12354); 1 for the same rate.
        package var loraPlusRatio: Double
        /// Gradients are scaled down to this L2 norm over all trained numbers; `nil` for no bound.
        package var maximumGradientNorm: Double?
        package var weightDecay: Double
        /// Heavy-ball momentum of SGD; AdamW ignores it.
        package var momentum: Double
        /// µ: the weight of ½‖w − w₀‖², the squared distance to the handed adapter, in the loss (FedProx, Li et al., 2020,
        /// arXiv:1812.06127); 0 for none.
        package var proximalMu: Double
        /// Whether gradients are corrected by control variates (SCAFFOLD, Karimireddy et al., 2020, arXiv:1910.06378).
        package var usesControlVariates: Bool

        package init(
            epochs: Int = 1,
            maximumSteps: Int? = nil,
            batchSize: Int = 16,
            maximumLength: Int = 128,
            optimizer: Optimizer = .adamw,
            learningRate: Double = 1e-3,
            schedule: LearningRateSchedule = .constant,
            warmupRatio: Double = 0,
            loraPlusRatio: Double = 1,
            maximumGradientNorm: Double? = nil,
            weightDecay: Double = 0,
            momentum: Double = 0,
            proximalMu: Double = 0,
            usesControlVariates: Bool = false
        ) {
            self.schedule = schedule
            self.warmupRatio = warmupRatio
            self.loraPlusRatio = loraPlusRatio
            self.maximumGradientNorm = maximumGradientNorm
            self.epochs = epochs
            self.maximumSteps = maximumSteps
            self.batchSize = batchSize
            self.maximumLength = maximumLength
            self.optimizer = optimizer
            self.learningRate = learningRate
            self.weightDecay = weightDecay
            self.momentum = momentum
            self.proximalMu = proximalMu
            self.usesControlVariates = usesControlVariates
        }

        enum CodingKeys: String, CodingKey {
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
            case usesControlVariates = "scaffold"
        }
    }

    package struct Evaluation: Hashable, Sendable, Codable {
        /// Evaluates after every so many rounds; the first and the last adapter are always evaluated, on everything.
        package var every: Int
        /// How many held-out examples the evaluations in between use; `nil` for all.
        package var sample: Int?
        /// How many clients are asked, drawn anew each time; `nil` for everybody who is there.
        package var clients: Int?

        package init(every: Int = 1, sample: Int? = nil, clients: Int? = nil) {
            self.clients = clients
            self.every = every
            self.sample = sample
        }
    }

    package init(
        name: String,
        model: String,
        task: Task,
        labels: [String],
        adapter: Adapter,
        strategy: StrategySettings,
        robust: RobustSettings = RobustSettings(),
        serverOptimizer: ServerOptimizerSettings = ServerOptimizerSettings(),
        rounds: Int,
        cohort: Cohort,
        asynchronous: Asynchronous? = nil,
        training: Training = Training(),
        evaluation: Evaluation = Evaluation(),
        privacy: PrivacySettings? = nil,
        seed: UInt64 = 1
    ) {
        self.name = name
        self.model = model
        self.task = task
        self.labels = labels
        self.adapter = adapter
        self.strategy = strategy
        self.robust = robust
        self.serverOptimizer = serverOptimizer
        self.rounds = rounds
        self.cohort = cohort
        self.asynchronous = asynchronous
        self.training = training
        self.evaluation = evaluation
        self.privacy = privacy
        self.seed = seed
    }
}

extension JobConfiguration {
    /// How the job combines.
    ///
    /// - Throws: ``AggregationError`` that names the key which does not go with the rest.
    package func aggregationPlan() throws(AggregationError) -> AggregationPlan {
        let plan = try AggregationPlan(
            strategy: strategy,
            robust: robust,
            optimizer: serverOptimizer,
            minimumUpdates: cohort.minimum
        )
        if asynchronous != nil { try Asynchronous.check(goesWith: plan, of: self) }
        return plan
    }
}
