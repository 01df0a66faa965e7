import ClientDaemon
import Coordinator
import FederatedLearning
import Foundation
import Glibc
import Logging
import Transport

/// A federation whose server and clients are processes.
struct Stage: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How long anything may take before the harness gives up.
    private static let patience = Duration.seconds(120)
    private static let ranks = [4, 8, 8]

    let state: StateDirectory
    let server: Program
    let clients: [(name: String, program: Program)]
    private let model: URL

    /// Makes a federation in `folder`, and starts it.
    static func set(in folder: URL, model: URL) async throws -> Stage {
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let binaries = here.deletingLastPathComponent()
        let state = try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: ListenAddress(host: "127.0.0.1", port: 0),
            hosts: ["127.0.0.1"],
            now: .now
        )
        let server = Program(
            binaries.appendingPathComponent("fed-server"),
            ["run", "--dir", state.root.path, "--log-level", "critical"]
        )
        try server.start()
        try await waitUntilServing(state, server)
        try keepPort(of: state)
        var clients: [(String, Program)] = []
        for (element, rank) in ranks.enumerated() {
            let name = "silo-\(element)"
            let directory = ClientDaemon.ClientDirectory(folder.appendingPathComponent(name))
            let invitation = try await state.invite(name, validFor: 600, now: .now)
            let silent = Logger(label: "join") { _ in SwiftLogNoOpLogHandler() }
            _ = try await Membership.join(invitation.text, directory: directory, logger: silent)
            let program = Program(
                here,
                ["client", "--dir", directory.url.path, "--element", "\(element)", "--rank", "\(rank)"]
            )
            try program.start()
            clients.append((name, program))
        }
        return Stage(state: state, server: server, clients: clients, model: model)
    }

    /// Has the server listen at the same port after every start, because that is where clients look for it.
    private static func keepPort(of state: StateDirectory) throws {
        guard let addresses = try state.runningServer() else { throw Failure(description: "The server is gone.") }
        let file = state.root.appendingPathComponent("server.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let line = #/(?m)^listen: .*$/#
        try Data(text.replacing(line, with: "listen: \"\(addresses.federation)\"").utf8).write(to: file)
    }

    private static func waitUntilServing(_ state: StateDirectory, _ server: Program) async throws {
        let limit = ContinuousClock.now + patience
        while try state.runningServer()?.process != server.identifier {
            guard ContinuousClock.now < limit, !server.hasEnded else {
                throw Failure(description: "The server does not serve.")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Kills the server, starts it again, and returns how long it took until it served.
    func restartServer() async throws -> Duration {
        server.kill()
        let begun = ContinuousClock.now
        try server.start()
        try await Self.waitUntilServing(state, server)
        return ContinuousClock.now - begun
    }

    func tearDown() {
        for client in clients { client.program.kill() }
        server.kill()
    }

    // MARK: - Jobs

    /// Submits the job of every act: three rounds that need every client, so that its result is the same every time.
    func submit() async throws -> JobID {
        let submission = JobSubmission(
            yaml: """
                name: one-hot
                model: tiny-bert
                task: sequence-classification
                labels: [first, second, third]
                adapter: {r: 8, lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
                strategy: {name: flexlora, mode: delta}
                rounds: 5
                cohort: {size: 3, minimum: 3, deadline: 10m}
                evaluation: {every: 5}
                seed: 7
                """,
            modelPath: model.path,
            modelDigest: try await ModelDigest.of(directory: model),
            // The answer may be lost with the server: the same token again returns the same job.
            token: UUID().uuidString
        )
        let limit = ContinuousClock.now + Self.patience
        while true {
            do {
                if let admin = try state.adminClient() { return try await admin.submit(submission) }
            } catch  where ContinuousClock.now < limit {
                // Killed in between.
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Where a job stands, read beside the server.
    func report(of job: JobID) async throws -> JobReport {
        try await state.openStore().jobs.report(of: job)
    }

    /// The tensors that a job left.
    func tensors(of job: JobID, in folder: URL) async throws -> Data {
        let target = folder.appendingPathComponent("export-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: target) }
        let directory = try await AdapterExporter(store: state.openStore()).export(job, to: target, rank: nil)
        return try Data(contentsOf: directory.appendingPathComponent("adapter_model.safetensors"))
    }
}
