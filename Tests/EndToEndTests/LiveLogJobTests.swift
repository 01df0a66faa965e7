import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing

@Suite("A client's log, read from the server", .timeLimit(.minutes(2)))
struct LiveLogJobTests {
    /// Everything that a client has written so far.
    private static func wholeLog(of name: String, on server: AdminClient) async throws -> [String] {
        var lines: [String] = []
        while true {
            let piece = try await server.log(of: name, from: UInt64(lines.count))
            guard !piece.lines.isEmpty else { return lines }
            lines += piece.lines
        }
    }

    @Test("tells of a training where the silo's policy lends it")
    func reads() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let directory = try await federation.join("silo")
                let policy = SiloPolicy(lendsLog: true)
                let trainer = ConstantTrainer(element: 0)
                let daemon = try Daemon(directory, policy: policy, log: LiveLog(), trainer: trainer)
                let job = try await server.submit(rounds: 2, clients: 1, minimum: 1)
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                let log = try await Self.wholeLog(of: "silo", on: server)
                #expect(log.first?.contains("info: Connected") == true)
                #expect(log.count { $0.contains("Training done") && $0.contains("loss=") } == 2)
                await daemon.kill()
            }
        }
    }

    @Test("stays where it is by default, and of a silo that is away or unknown there is none")
    func refuses() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let daemon = try Daemon(
                    try await federation.join("silo"),
                    log: LiveLog(),
                    trainer: ConstantTrainer(element: 0)
                )
                _ = try await daemon.first { if case .welcomed(let name) = $0 { name } else { nil } }
                _ = try await federation.join("away")
                for (name, status, sentence) in [
                    ("silo", 403, "logs: allowed"), ("away", 503, "is not connected"),
                    ("nobody", 404, "There is no client"),
                ] {
                    let error = await #expect(throws: CoordinatorError.self) {
                        _ = try await server.log(of: name, from: 0)
                    }
                    guard case .serverRefused(status, let message) = error else {
                        Issue.record("\(String(describing: error)) is another error")
                        continue
                    }
                    #expect(message.contains(sentence))
                }
                await daemon.kill()
            }
        }
    }
}
