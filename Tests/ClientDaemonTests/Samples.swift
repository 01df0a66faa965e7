import ClientDaemon
import FederatedLearning

/// Values that many tests start from.
enum Sample {
    static let job = JobID(rawValue: "0b6a2f0c-8a52-4c43-9e5a-0d6d3f9f7a11")

    static func order(
        round: Int = 1,
        kind: WorkOrder.Kind = .train,
        rank: Int = 4,
        content: UInt8 = 1,
        job: JobID = Sample.job
    ) -> WorkOrder {
        WorkOrder(
            id: WorkOrder.ID(job: job, round: round, kind: kind),
            adapter: adapter(rank: rank, content: content),
            assignment: assignment
        )
    }

    /// `content` stands for the payload's bytes: equal content, equal digest.
    static func adapter(rank: Int = 4, content: UInt8) -> AdapterReference {
        AdapterReference(
            digest: ContentDigest(hashing: [content]),
            byteCount: 1000,
            rank: rank,
            alpha: 16
        )
    }

    static func update(of order: WorkOrder, content: UInt8 = 200) -> UnjudgedUpdate {
        UnjudgedUpdate(
            order: order,
            adapter: adapter(rank: order.adapter.rank, content: content),
            exampleCount: 12,
            metrics: ["loss": 0.5]
        )
    }

    static let report = EvaluationReport(exampleCount: 10, metrics: ["accuracy": 0.25])

    static let assignment = Assignment(
        jobName: "sample",
        model: "tiny",
        modelDigest: ContentDigest(hashing: [0]),
        task: .sequenceClassification,
        labels: ["no", "yes"],
        adapter: .init(rank: 16, alpha: 16, targetModules: ["query"], modulesToSave: ["classifier"]),
        training: .init(),
        evaluation: .init(),
        seed: 1
    )
}
