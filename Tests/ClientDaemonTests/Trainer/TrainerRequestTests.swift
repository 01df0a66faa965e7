import Adapters
import Aggregation
import ClientDaemon
import FederatedLearning
import Foundation
import Testing

@Suite("TrainerRequest")
struct TrainerRequestTests {
    private func request(_ order: WorkOrder, client: String = "berlin") -> TrainerRequest {
        TrainerRequest(
            id: 7,
            order: order,
            model: URL(fileURLWithPath: "/models/tiny"),
            data: URL(fileURLWithPath: "/data/texts.jsonl"),
            client: client,
            paths: .init(adapter: "/t/adapter", result: "/t/result")
        )
    }

    private func object(_ command: TrainerCommand) throws -> [String: Any] {
        let line = command.line
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.count { $0 == UInt8(ascii: "\n") } == 1)
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test("`train` has what the contract says, and nothing else")
    func writesTrain() throws {
        let object = try object(.work(request(Sample.order(round: 3))))
        #expect(
            Set(object.keys) == [
                "type", "id", "job", "model", "data", "task", "labels", "adapter", "result", "trained", "training",
                "seed",
            ]
        )
        #expect(object["type"] as? String == "train")
        #expect(object["id"] as? Int == 7)
        #expect(object["adapter"] as? String == "/t/adapter")
        #expect(object["trained"] as? String == "both")
        #expect(object["labels"] as? [String] == ["no", "yes"])
        let job = try #require(object["job"] as? [String: Any])
        #expect(Set(job.keys) == ["name", "round", "rounds"])
        #expect(job["round"] as? Int == 3)
        let training = try #require(object["training"] as? [String: Any])
        #expect(training["learning_rate"] as? Double == 1e-3)
        #expect(training["lr_scheduler_type"] as? String == "constant")
        #expect(training["max_steps"] == nil)
    }

    @Test("`evaluate` has what the contract says, and nothing else")
    func writesEvaluate() throws {
        let object = try object(.work(request(Sample.order(kind: .evaluate))))
        #expect(
            Set(object.keys) == [
                "type", "id", "job", "model", "data", "task", "labels", "adapter", "max_length", "batch_size", "seed",
            ]
        )
        #expect(object["max_length"] as? Int == 128)
    }

    @Test("the other commands are one short line")
    func writesOthers() throws {
        #expect(String(decoding: TrainerCommand.cancel(3).line, as: UTF8.self) == "{\"id\":3,\"type\":\"cancel\"}\n")
        #expect(String(decoding: TrainerCommand.shutdown.line, as: UTF8.self) == "{\"type\":\"shutdown\"}\n")
        let hello = try object(.hello(threads: 2, folder: "/t/\"x"))
        #expect(hello["folder"] as? String == "/t/\"x")
        #expect(hello["version"] as? Int == 1)
    }

    @Test("seeds differ by round and client, and evaluations judge the same sample every round")
    func seeds() {
        let seed = { (order: WorkOrder, client: String) in self.request(order, client: client).seed }
        #expect(seed(Sample.order(round: 1), "berlin") == seed(Sample.order(round: 1), "berlin"))
        #expect(seed(Sample.order(round: 1), "berlin") != seed(Sample.order(round: 2), "berlin"))
        #expect(seed(Sample.order(round: 1), "berlin") != seed(Sample.order(round: 1), "paris"))
        #expect(
            seed(Sample.order(round: 1, kind: .evaluate), "berlin")
                == seed(Sample.order(round: 2, kind: .evaluate), "berlin")
        )
    }

    @Test("an order needs the features that its rules ask for")
    func needsFeatures() {
        func needed(
            kind: WorkOrder.Kind = .train,
            rules: LocalRules = .plain,
            training: JobConfiguration.Training = .init(),
            residual: Bool = false
        ) -> [TrainerFeature] {
            let plain = Sample.order(kind: kind)
            let order = WorkOrder(
                id: plain.id,
                adapter: plain.adapter,
                assignment: Assignment(
                    jobName: "sample",
                    model: "tiny",
                    modelDigest: plain.assignment.modelDigest,
                    task: .sequenceClassification,
                    labels: ["no", "yes"],
                    adapter: plain.assignment.adapter,
                    training: training,
                    evaluation: .init(),
                    seed: 1,
                    rules: rules
                )
            )
            return TrainerFeature.needed(for: order, residual: residual)
        }
        #expect(needed().isEmpty)
        #expect(needed(rules: LocalRules(scope: UpdateScope(trained: .b))) == [.frozenFactors])
        #expect(needed(kind: .evaluate, rules: LocalRules(scope: UpdateScope(trained: .b))).isEmpty)
        #expect(needed(kind: .evaluate, residual: true) == [.residual])
        #expect(
            needed(
                rules: LocalRules(pruning: RankPruning(), usesControlVariates: true),
                training: .init(loraPlusRatio: 16, proximalMu: 0.01)
            ) == [.controlVariates, .proximal, .loraPlus, .rankPruning]
        )
        #expect(needed(rules: LocalRules(pruning: RankPruning(penalty: 0))).isEmpty)
    }
}
