import ClientDaemon
import FederatedLearning
import Foundation
import TestSupport
import Testing

@Suite("A silo's policy")
struct SiloPolicyTests {
    private func order(
        name: String = "clinic-2026",
        strategy: String = "flexlora",
        privacy: String = "none",
        epochs: Int = 1,
        kind: WorkOrder.Kind = .train
    ) -> WorkOrder {
        let sample = Sample.assignment
        return WorkOrder(
            id: WorkOrder.ID(job: Sample.job, round: 1, kind: kind),
            adapter: Sample.adapter(content: 1),
            assignment: Assignment(
                jobName: name,
                model: sample.model,
                modelDigest: sample.modelDigest,
                task: sample.task,
                labels: sample.labels,
                adapter: sample.adapter,
                training: .init(epochs: epochs),
                evaluation: sample.evaluation,
                seed: 1,
                privacy: PrivacySettings.Mechanism(rawValue: privacy).map {
                    PrivacySettings(mechanism: $0, clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5)
                },
                strategy: strategy
            )
        )
    }

    private func policy(_ text: String) throws -> SiloPolicy {
        try PolicyFile.parse(text, relativeTo: URL(fileURLWithPath: "/silo"))
    }

    @Test(
        "consents to everything where there is none, or nothing in it",
        arguments: ["", "# nothing yet\n", "jobs:\n"]
    )
    func open(_ text: String) throws {
        #expect(try policy(text).objection(to: order()) == nil)
        #expect(try policy(text).allows(data: URL(fileURLWithPath: "/anywhere")))
    }

    @Test("is in its directory, or nowhere")
    func file() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            #expect(try PolicyFile.read(from: directory) == .open)
            try Data("data: [notes.jsonl]\n".utf8).write(to: directory.policyFile)
            let policy = try PolicyFile.read(from: directory)
            #expect(policy.allows(data: folder.appendingPathComponent("notes.jsonl")))
            #expect(policy.allows(data: folder.appendingPathComponent("x/../notes.jsonl").standardizedFileURL))
            #expect(!policy.allows(data: folder.appendingPathComponent("other.jsonl")))
        }
    }

    @Test("takes part in the jobs that it names, and no others")
    func jobs() throws {
        let policy = try policy("jobs: [clinic-*, exact, '*-trial-*x']")
        for name in ["clinic-", "clinic-2026", "exact", "a-trial-bx", "-trial-x"] {
            #expect(policy.objection(to: order(name: name)) == nil, "\(name)")
        }
        for name in ["my-clinic-2026", "exactly", "clinic", "a-trial-b", "trial-x", ""] {
            #expect(policy.objection(to: order(name: name)) != nil, "\(name)")
        }
        #expect(try self.policy("jobs: []").objection(to: order()) != nil)
        #expect(try self.policy("jobs: ['*']").objection(to: order(name: "anything")) == nil)
    }

    @Test("takes part in the strategies and with the base models that it names")
    func strategiesAndModels() throws {
        #expect(try policy("strategies: [flexlora]").objection(to: order()) == nil)
        #expect(try policy("strategies: [fedavg]").objection(to: order()) != nil)
        let model = Sample.assignment.modelDigest.hexadecimal
        #expect(try policy("models: ['\(model)']").objection(to: order()) == nil)
        #expect(try policy("models: ['\(String(repeating: "0", count: 64))']").objection(to: order()) != nil)
    }

    @Test("asks for at least as much privacy as it says; what it does not know is none")
    func privacy() throws {
        let ranks = ["none", "central", "local", "example-level"]
        for (needed, minimum) in ranks.enumerated() {
            let policy = try policy("minimum_privacy: \(minimum)")
            for (given, mechanism) in ranks.enumerated() {
                #expect((policy.objection(to: order(privacy: mechanism)) == nil) == (given >= needed))
            }
            #expect((policy.objection(to: order(privacy: "magic")) == nil) == (needed == 0))
        }
    }

    @Test("bounds epochs, and can keep held-out figures to itself")
    func work() throws {
        #expect(try policy("max_epochs: 2").objection(to: order(epochs: 2)) == nil)
        #expect(try policy("max_epochs: 2").objection(to: order(epochs: 3)) != nil)
        #expect(try policy("evaluation: refused").objection(to: order(kind: .evaluate)) != nil)
        #expect(try policy("evaluation: refused").objection(to: order()) == nil)
        #expect(try policy("evaluation: allowed").objection(to: order(kind: .evaluate)) == nil)
    }

    @Test("lends the log when it says so, and never by default")
    func logs() throws {
        #expect(!SiloPolicy.open.lendsLog)
        #expect(try !policy("max_epochs: 2").lendsLog)
        #expect(try !policy("logs: refused").lendsLog)
        #expect(try policy("logs: allowed").lendsLog)
    }

    @Test(
        "is read strictly: a misspelt rule never passes for no rule",
        arguments: [
            ("strategy: [fedavg]", "strategies"), ("jobs: clinic", "jobs"), ("models: [abc]", "models"),
            ("minimum_privacy: high", "example-level"), ("max_epochs: 0", "max_epochs"), ("evaluation: no", "refused"),
            ("jobs: [{a: b}]", "jobs"), ("data: x", "data"), ("[jobs]", "keys with values"),
            ("jobs: [a", "policy.yaml"), ("logs: yes", "allowed"),
        ]
    )
    func strict(_ text: String, _ mention: String) {
        let error = #expect(throws: ClientError.self) { try policy(text) }
        #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
    }

    @Test("has the last word in the loop: an order that breaks a rule is objected to, and never begun")
    func loop() throws {
        var loop = TaskLoop(limits: .init(maximumRank: 8, policy: try policy("strategies: [fedavg]")))
        _ = loop.welcomed()
        let refused = order()
        #expect(
            loop.received(refused) == [
                .send(.object(refused.id, reason: "This silo does not take part in jobs of this strategy."))
            ]
        )
        #expect(loop.current == nil)
        let taken = order(strategy: "fedavg")
        #expect(loop.received(taken).first == .send(.accept(taken.id)))
    }
}
