import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing
import Transport

@Suite("Doctors", .timeLimit(.minutes(2)))
struct DoctorTests {
    private static func finding(_ subject: String, _ findings: [Finding]) throws -> Finding {
        try #require(findings.first { $0.subject == subject }, "\(findings.map(\.subject))")
    }

    // MARK: - The client's

    private static func examine(
        _ directory: ClientDaemon.ClientDirectory,
        data: URL? = nil,
        models: [URL] = [TinyModel.directory],
        now: Date = .now
    ) async -> [Finding] {
        await Checkup(directory: directory, data: data, models: models, now: now, logger: .silent).run()
    }

    @Test("a client that has everything is well, and its model's digest is told")
    func wellClient() async throws {
        try await Federation.with { federation in
            try await federation.withServer { _ in
                let directory = try await federation.join("silo")
                let data = directory.url.appendingPathComponent("data.jsonl")
                try TinyModel.writeData(count: 16, offset: 0, to: data)
                let findings = await Self.examine(directory, data: data)
                #expect(findings.allSatisfy { $0.isWell }, "\(findings.filter { !$0.isWell })")
                #expect(
                    findings.map(\.subject) == [
                        "directory", "configuration", "storage", "disk", "policy", "certificate", "clock", "DNS",
                        "port",
                        "TLS", "data", "model", "trainer",
                    ]
                )
                let digest = try await ModelDigest.of(directory: TinyModel.directory)
                #expect(try Self.finding("model", findings).text.contains(digest.hexadecimal))
            }
        }
    }

    @Test("what is wrong with a client is named, with what to do")
    func illClient() async throws {
        try await Federation.with { federation in
            let directory = try await federation.withServer { _ in try await federation.join("silo") }
            // The server is gone.
            var findings = await Self.examine(directory, models: [])
            #expect(try Self.finding("port", findings).text.contains("refused the connection"))
            #expect(!findings.contains { $0.subject == "TLS" })
            #expect(try Self.finding("data", findings).text.contains("Write `data: FILE`"))

            let file = directory.url.appendingPathComponent("client.yaml")
            try Data("server: {host: no-such-host.invalid, port: 1}\n".utf8).write(to: file)
            findings = await Self.examine(directory)
            #expect(try Self.finding("DNS", findings).text.contains("not known (DNS)"))
            #expect(!findings.contains { $0.subject == "port" })

            try Data("max_rank: many\n".utf8).write(to: file)
            findings = await Self.examine(directory)
            #expect(try Self.finding("configuration", findings).text.contains("max_rank"))
            try Data("server: {host: 127.0.0.1, port: 1}\n".utf8).write(to: file)

            findings = await Self.examine(directory, now: .now.addingTimeInterval(-3600))
            #expect(try Self.finding("clock", findings).text.contains("Set the clock"))
            findings = await Self.examine(directory, now: .now.addingTimeInterval(48 * 3600))
            #expect(try Self.finding("certificate", findings).text.contains("join --again"))
            // Written before it was issued: the clock was behind then.
            try FileManager.default.setAttributes(
                [.modificationDate: Date.now.addingTimeInterval(-1000)],
                ofItemAtPath: directory.certificateFile.path
            )
            findings = await Self.examine(directory)
            #expect(try Self.finding("clock", findings).text.contains("behind"))
        }
    }

    @Test("a server of another federation, and a model that the policy does not allow")
    func foreignServer() async throws {
        try await Federation.with { federation in
            let directory = try await federation.withServer { _ in try await federation.join("silo") }
            try await Federation.with { other in
                try await other.withServer { _ in
                    let running = try other.state.runningServer()
                    let port = try #require(running).federation.port
                    let file = directory.url.appendingPathComponent("client.yaml")
                    try Data("server: {host: 127.0.0.1, port: \(port)}\n".utf8).write(to: file)
                    let policy = "models: [\(String(repeating: "0", count: 64))]\n"
                    try Data(policy.utf8).write(to: directory.policyFile)
                    let findings = await Self.examine(directory)
                    let (answer, handshake) = (
                        try Self.finding("port", findings), try Self.finding("TLS", findings)
                    )
                    #expect(answer.isWell && !handshake.isWell)
                    #expect(try Self.finding("model", findings).text.contains("Add the digest"))
                }
            }
        }
    }

    // MARK: - The server's

    private static func examine(_ federation: Federation, now: Date = .now) async -> [Finding] {
        await ServerCheckup(of: federation.state, now: now, logger: .silent).run()
    }

    private static func replace(_ line: String, with other: String, in federation: Federation) throws {
        let file = federation.state.root.appendingPathComponent("server.yaml")
        let text = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let lines = text.map { $0.hasPrefix(line) ? other : String($0) }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
    }

    @Test("a server is well before it runs and while it does")
    func wellServer() async throws {
        try await Federation.with { federation in
            let before = await Self.examine(federation)
            #expect(before.allSatisfy { $0.isWell }, "\(before.filter { !$0.isWell })")
            #expect(try Self.finding("server", before).text == "does not run")
            #expect(try Self.finding("admin port", before).text.hasSuffix("is free"))
            try await federation.withServer { _ in
                let during = await Self.examine(federation)
                #expect(during.allSatisfy { $0.isWell }, "\(during.filter { !$0.isWell })")
                #expect(
                    during.map(\.subject) == [
                        "settings", "certificate", "clock", "storage", "disk", "database", "audit log", "payloads",
                        "server",
                        "enrolment DNS", "enrolment port", "enrolment TLS", "federation port", "admin API",
                    ]
                )
            }
        }
    }

    @Test("what is wrong with a server is named, with what to do")
    func illServer() async throws {
        try await Federation.with { federation in
            func text(_ subject: String, now: Date = .now) async throws -> String {
                try Self.finding(subject, await Self.examine(federation, now: now)).text
            }
            try Self.replace("hosts:", with: "hosts: [elsewhere.example.org]", in: federation)
            #expect(try await text("certificate").contains("does not name 'elsewhere.example.org'"))
            try Self.replace("hosts:", with: "hosts: [127.0.0.1]", in: federation)
            #expect(try await text("certificate", now: .now.addingTimeInterval(3e9)).contains("not now"))
            #expect(try await text("clock", now: .now.addingTimeInterval(-3600)).contains("Set the clock"))
            try await federation.withServer { _ in
                _ = try await federation.state.invite("silo", validFor: 60, now: .now)
            }
            #expect(try await text("audit log", now: .now.addingTimeInterval(-3600)).contains("still to come"))
            try await Federation.with { other in
                try await other.withServer { _ in
                    let running = try other.state.runningServer()
                    let taken = try #require(running).federation
                    try Self.replace("listen:", with: "listen: \"\(taken)\"", in: federation)
                    #expect(try await text("federation port").contains("another program uses the port"))
                }
            }
            try Self.replace("listen:", with: "listne: 1", in: federation)
            #expect(try await text("settings").contains("listne"))
        }
    }

    @Test("a job's model is compared with the digest that it pins")
    func changedModel() async throws {
        try await Federation.with { federation in
            try await withTemporaryDirectory { folder in
                let model = folder.appendingPathComponent("model", isDirectory: true)
                try FileManager.default.copyItem(at: TinyModel.directory, to: model)
                let submission = JobSubmission(
                    yaml: """
                        name: sample
                        model: model
                        task: sequence-classification
                        labels: [bad, good]
                        adapter: {r: 8, lora_alpha: 16, target_modules: [query, value]}
                        strategy: {name: fedavg}
                        rounds: 1
                        cohort: {size: 2}
                        """,
                    modelPath: model.path,
                    modelDigest: try await ModelDigest.of(directory: model)
                )
                try await federation.withServer { server in _ = try await server.submit(submission) }
                let before = try Self.finding("model", await Self.examine(federation))
                #expect(before.isWell, "\(before.text)")
                try Data("other weights".utf8).write(to: model.appendingPathComponent("model.safetensors"))
                let finding = try Self.finding("model", await Self.examine(federation))
                #expect(!finding.isWell && finding.text.contains(submission.modelDigest.hexadecimal))
            }
        }
    }
}
