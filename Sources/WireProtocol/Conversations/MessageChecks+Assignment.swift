extension MessageChecks {
    static let mostLabels = 4096
    static let mostModules = 1024
    static let longestConfiguration = 64 << 10

    /// Checks the form of an assignment; whether it suits the silo is the trainer's question.
    func assignment(_ assignment: Tributary_V1_Assignment) throws(ProtocolViolation) {
        try text(assignment.jobName, "assignment.job_name")
        try text(assignment.model, "assignment.model", atMost: 4 * Self.longestText)
        _ = try digest(assignment.modelSha256, "assignment.model_sha256")
        switch assignment.task {
        case .sequenceClassification, .causalLm: break
        case .unspecified, .UNRECOGNIZED: throw fail("assignment.task", "is unknown")
        }
        try names(assignment.labels, "assignment.labels", atMost: Self.mostLabels)
        try rank(assignment.rank, "assignment.rank")
        try positive(assignment.alpha, "assignment.alpha")
        guard assignment.dropout >= 0, assignment.dropout < 1 else {
            throw fail("assignment.dropout", "is not in 0..<1")
        }
        try names(assignment.targetModules, "assignment.target_modules", atMost: Self.mostModules)
        try names(assignment.modulesToSave, "assignment.modules_to_save", atMost: Self.mostModules)
        try text(
            assignment.adapterConfiguration,
            "assignment.adapter_configuration",
            atMost: Self.longestConfiguration
        )
        guard assignment.hasTraining else { throw fail("assignment.training", "is missing") }
        try training(assignment.training)
        try text(assignment.strategy, "assignment.strategy", atMost: Self.longestName)
        guard assignment.hasEvaluation else { throw fail("assignment.evaluation", "is missing") }
    }

    private func training(_ training: Tributary_V1_Training) throws(ProtocolViolation) {
        guard training.batchSize > 0 else { throw fail("assignment.training.batch_size", "is zero") }
        guard training.maxLength > 0 else { throw fail("assignment.training.max_length", "is zero") }
        switch training.optimizer {
        case .adamw, .sgd: break
        case .unspecified, .UNRECOGNIZED: throw fail("assignment.training.optimizer", "is unknown")
        }
        try positive(training.learningRate, "assignment.training.learning_rate")
        try schedule(training)
        for (value, field) in [
            (training.weightDecay, "weight_decay"), (training.momentum, "momentum"),
            (training.proximalMu, "proximal_mu"), (training.loraplusLrRatio, "loraplus_lr_ratio"),
            (training.maxGradNorm, "max_grad_norm"),
        ] {
            guard value.isFinite, value >= 0 else {
                throw fail("assignment.training.\(field)", "is not a number of at least 0")
            }
        }
    }

    private func schedule(_ training: Tributary_V1_Training) throws(ProtocolViolation) {
        if case .UNRECOGNIZED = training.schedule { throw fail("assignment.training.schedule", "is unknown") }
        guard training.warmupRatio >= 0, training.warmupRatio < 1 else {
            throw fail("assignment.training.warmup_ratio", "is not in 0..<1")
        }
    }

    private func names(_ names: [String], _ field: String, atMost limit: Int) throws(ProtocolViolation) {
        guard names.count <= limit else { throw fail(field, "has more than \(limit) entries") }
        for name in names { try text(name, field) }
    }
}
