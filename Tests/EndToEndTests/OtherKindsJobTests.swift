import Adapters
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing

@Suite("A job on an adapter of another kind than LoRA", .timeLimit(.minutes(5)))
struct OtherKindsJobTests {
    private static let start = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../AggregationTests/Fixtures/kinds").standardizedFileURL

    @Test(
        "IA3 and prompts travel over TLS, are averaged by name, and leave what PEFT loads",
        arguments: ["ia3", "prompt"]
    )
    func averages(_ kind: String) async throws {
        let start = Self.start.appendingPathComponent("\(kind)/a")
        let initial = try PEFTDirectory(reading: start, kinds: AdapterKind.named)
        try await Federation.with { federation in
            try await federation.withServer { server in
                var daemons: [Daemon] = []
                // The second silo has three times the examples of the first.
                for (element, count) in [(0, 1), (1, 3)] {
                    let directory = try await federation.join("silo-\(element)")
                    let trainer = ConstantTrainer(element: element, exampleCount: count)
                    daemons.append(try Daemon(directory, trainer: trainer))
                }
                let job = try await server.submit(
                    rounds: 2,
                    clients: 2,
                    minimum: 2,
                    adapter: "{start: \(start.path)}",
                    strategy: "{name: fedavg}"
                )
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                let (folder, _) = try await federation.export(job)
                let result = try PEFTDirectory(reading: folder, kinds: [initial.configuration.kind])
                #expect(result.configuration.differingKey(from: initial.configuration) == nil)
                #expect(result.adapter.savedTensors.keys.sorted() == initial.adapter.savedTensors.keys.sorted())
                for (name, tensor) in initial.adapter.savedTensors {
                    let trained = try #require(result.adapter.savedTensors[name])
                    #expect(trained.shape == tensor.shape)
                    // Each of two rounds brings 1/4 and 3/4 of 1; a float holds their sums to 1e-6.
                    #expect(abs(trained.elements[0] - tensor.elements[0] - 0.5) < 1e-6)
                    #expect(abs(trained.elements[1] - tensor.elements[1] - 1.5) < 1e-6)
                    #expect(trained.elements[2...] == tensor.elements[2...])
                }
                for daemon in daemons { await daemon.kill() }
            }
        }
    }

    @Test("a directory that is not there is refused when the job is handed in")
    func refusesMissingDirectory() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let error = await #expect(throws: (any Error).self) {
                    _ = try await server.submit(
                        rounds: 1,
                        clients: 1,
                        minimum: 1,
                        adapter: "{start: /nowhere/at/all}",
                        strategy: "{name: fedavg}"
                    )
                }
                #expect(error.map { "\($0)" }?.contains("holds no adapter") == true, "\(error.map { "\($0)" } ?? "")")
            }
        }
    }
}
