private import Adapters
private import Aggregation
package import FederatedLearning
package import Foundation

/// One piece of work for a trainer: the messages `train` and `evaluate` of protocol/TRAINER.md.
package struct TrainerRequest: Hashable, Sendable {
    package struct Job: Hashable, Sendable, Encodable {
        package var name: String
        package var round: Int
        package var rounds: Int
    }

    package struct Model: Hashable, Sendable, Encodable {
        package var name: String
        package var path: String
        package var sha256: String
    }

    /// The places of files in the request's folder.
    package struct Paths: Hashable, Sendable {
        /// The PEFT directory to start from, or to judge.
        package var adapter: String
        /// A PEFT directory to add to the base model first; `nil` for none.
        package var residual: String?
        /// Control variates; `nil` for none.
        package var controls: String?
        /// Where the trained PEFT directory goes.
        package var result: String

        package init(adapter: String, residual: String? = nil, controls: String? = nil, result: String) {
            self.adapter = adapter
            self.residual = residual
            self.controls = controls
            self.result = result
        }
    }

    /// HetLoRA's rule, for trainers that offer ``TrainerFeature/rankPruning``.
    struct Pruning: Hashable, Sendable, Encodable {
        let penalty: Double
        /// From which component on they may go.
        let prefix: Int
    }

    /// Counts up, and is never used twice.
    package var id: Int
    package var kind: WorkOrder.Kind
    package var job: Job
    package var model: Model
    package var data: String
    package var task: JobConfiguration.Task
    package var labels: [String]
    package var paths: Paths
    package var training: JobConfiguration.Training
    /// How many held-out examples to judge; `nil` for all.
    package var sample: Int?
    package var seed: UInt32
    private var trained: TrainedFactors
    private var pruning: Pruning?

    /// Puts together what an order asks for.
    ///
    /// - Parameters:
    ///   - id: The request's number.
    ///   - order: The order.
    ///   - model: Where the base model lies.
    ///   - data: The silo's data file.
    ///   - client: The client's name, which the seed depends on.
    ///   - paths: Where the adapter lies and the result goes.
    package init(id: Int, order: WorkOrder, model: URL, data: URL, client: String, paths: Paths) {
        let assignment = order.assignment
        self.id = id
        self.kind = order.id.kind
        self.job = Job(name: assignment.jobName, round: order.id.round, rounds: assignment.rounds)
        self.model = Model(name: assignment.model, path: model.path, sha256: assignment.modelDigest.hexadecimal)
        self.data = data.path
        self.task = assignment.task
        self.labels = assignment.task == .causalLanguageModel ? [] : assignment.labels
        self.paths = paths
        self.training = assignment.training
        self.sample = assignment.evaluation.sample
        // An evaluation judges the same sample in every round.
        let round = order.id.kind == .train ? order.id.round : 0
        self.seed = Self.seed(of: assignment.seed, round: round, client: client)
        self.trained = assignment.rules.scope.trained
        self.pruning = assignment.rules.pruning.flatMap { pruning in
            guard pruning.penalty > 0 else { return nil }
            return Pruning(penalty: pruning.penalty, prefix: pruning.prefix(ofRank: order.adapter.rank))
        }
    }

    /// A seed for the trainer's random numbers: another one for every round and client of a job.
    static func seed(of job: UInt64, round: Int, client: String) -> UInt32 {
        let digest = ContentDigest(hashing: Array("\(job)/\(round)/\(client)".utf8))
        return UInt32(digest.hexadecimal.prefix(8), radix: 16) ?? 0
    }
}

extension TrainerRequest: Encodable {
    private enum CodingKeys: String, CodingKey {
        case type, id, job, model, data, task, labels, adapter, residual, controls, result, trained, training, pruning
        case sample, seed
        case maximumLength = "max_length"
        case batchSize = "batch_size"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind.rawValue, forKey: .type)
        try container.encode(id, forKey: .id)
        try container.encode(job, forKey: .job)
        try container.encode(model, forKey: .model)
        try container.encode(data, forKey: .data)
        try container.encode(task, forKey: .task)
        try container.encode(labels, forKey: .labels)
        try container.encode(paths.adapter, forKey: .adapter)
        try container.encodeIfPresent(paths.residual, forKey: .residual)
        try container.encode(seed, forKey: .seed)
        switch kind {
        case .train:
            try container.encodeIfPresent(paths.controls, forKey: .controls)
            try container.encode(paths.result, forKey: .result)
            try container.encode(trained, forKey: .trained)
            try container.encode(training, forKey: .training)
            try container.encodeIfPresent(pruning, forKey: .pruning)
        case .evaluate:
            try container.encode(training.maximumLength, forKey: .maximumLength)
            try container.encode(training.batchSize, forKey: .batchSize)
            try container.encodeIfPresent(sample, forKey: .sample)
        }
    }
}
