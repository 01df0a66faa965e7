private import Adapters
package import FederatedLearning

/// What a trainer says: one JSON object a line.
package enum TrainerMessage: Hashable, Sendable {
    case hello(version: Int, TrainerCapabilities)
    case progress(id: Int, step: Int, stepCount: Int, loss: Double)
    case metrics(id: Int, [String: Double])
    case trained(id: Int, TrainedReply)
    case evaluated(id: Int, examples: Int, [String: Double])
    case failed(id: Int, reason: String, mayRetry: Bool)
    case cancelled(id: Int)

    /// What a trainer says at the end of a training.
    package struct TrainedReply: Hashable, Sendable {
        /// Where the PEFT directory is, from the request's folder on.
        package var adapter: String
        package var examples: Int
        package var steps: Int
        package var metrics: [String: Double]

        package init(adapter: String = "result", examples: Int, steps: Int, metrics: [String: Double] = [:]) {
            self.adapter = adapter
            self.examples = examples
            self.steps = steps
            self.metrics = metrics
        }
    }

    /// Which request the message is about; `nil` for a hello.
    package var id: Int? {
        switch self {
        case .hello: nil
        case .progress(let id, _, _, _), .metrics(let id, _), .trained(let id, _), .evaluated(let id, _, _),
            .failed(let id, _, _), .cancelled(let id):
            id
        }
    }

    /// What messages are called in the contract.
    package var type: String {
        switch self {
        case .hello: "hello"
        case .progress: "progress"
        case .metrics: "metrics"
        case .trained: "trained"
        case .evaluated: "evaluated"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

/// What a trainer says of itself.
package struct TrainerCapabilities: Hashable, Sendable {
    package var name: String
    package var release: String
    package var tasks: Set<JobConfiguration.Task>
    package var features: Set<TrainerFeature>

    package init(
        name: String,
        release: String = "",
        tasks: Set<JobConfiguration.Task>,
        features: Set<TrainerFeature> = []
    ) {
        self.name = name
        self.release = release
        self.tasks = tasks
        self.features = features
    }
}
