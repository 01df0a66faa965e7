import ClientDaemon
import Coordinator
import FederatedLearning
import Foundation
import Logging
import TestSupport
import Testing
import Transport

/// A federation in a folder of its own: one server's state directory, and those of its clients.
struct Federation: Sendable {
    private let root: URL
    let state: StateDirectory

    /// Lends a fresh federation, whose server will listen on loopback at ports of the system's choice.
    static func with<Result>(
        createdAt date: Date = .now,
        _ body: (Federation) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { folder in
            let state = try StateDirectory.create(
                at: folder.appendingPathComponent("server"),
                listen: ListenAddress(host: "127.0.0.1", port: 0),
                hosts: ["127.0.0.1"],
                now: date
            )
            return try await body(Federation(root: folder, state: state))
        }
    }

    /// Runs the server for as long as `body` takes, and then stops it without a graceful shutdown.
    func withServer<Result>(_ body: (AdminClient) async throws -> Result) async throws -> Result {
        let (serving, servingContinuation) = AsyncStream.makeStream(of: BoundAddresses.self)
        let server = Task {
            defer { servingContinuation.finish() }
            try await CoordinatorServer(directory: state, logger: .silent).run { servingContinuation.yield($0) }
        }
        guard let addresses = await serving.first(where: { _ in true }) else {
            try await server.value
            throw Failure(text: "The server ended before it served.")
        }
        try keepPort(addresses)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await body(AdminClient(address: addresses.admin, token: try state.adminToken()))
            )
        } catch {
            result = .failure(error)
        }
        server.cancel()
        _ = try? await server.value
        return try result.get()
    }

    /// Has the next server listen where this one does, because that is where clients will look for it.
    private func keepPort(_ addresses: BoundAddresses) throws {
        let file = state.root.appendingPathComponent("server.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let line = #/(?m)^listen: .*$/#
        try Data(text.replacing(line, with: "listen: \"\(addresses.federation)\"").utf8).write(to: file)
    }

    /// Invites a client and joins as it, over the enrolment listener of the running server.
    func join(_ name: String) async throws -> ClientDaemon.ClientDirectory {
        let directory = ClientDaemon.ClientDirectory(root.appendingPathComponent(name))
        let invitation = try await state.invite(name, validFor: 60, now: .now)
        let enrolment = try await Membership.join(invitation.text, directory: directory, logger: .silent)
        #expect(enrolment.name == name)
        return directory
    }

    /// Writes the adapter that a job left, and returns the bytes of its tensors.
    func export(_ job: JobID, rank: Int? = nil) async throws -> (directory: URL, tensors: Data) {
        let folder = root.appendingPathComponent("export-\(UUID().uuidString)")
        let directory = try await AdapterExporter(store: state.openStore()).export(job, to: folder, rank: rank)
        return (directory, try Data(contentsOf: directory.appendingPathComponent("adapter_model.safetensors")))
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}

extension AdminClient {
    /// Submits a job on the tiny model.
    func submit(
        rounds: Int,
        clients: Int,
        minimum: Int,
        rank: Int = 8,
        deadline: String = "1m",
        strategy: String = "{name: flexlora, mode: delta}",
        training: String = "learning_rate: 1.0e-2",
        section: String = "evaluation: {every: 1}"
    ) async throws -> JobID {
        try await submit(
            JobSubmission(
                yaml: """
                    name: end-to-end
                    model: tiny-bert
                    task: sequence-classification
                    labels: [bad, good]
                    adapter: {r: \(rank), lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
                    strategy: \(strategy)
                    rounds: \(rounds)
                    cohort: {size: \(clients), minimum: \(minimum), deadline: \(deadline)}
                    training: {epochs: 1, batch_size: 4, max_length: 16, \(training)}
                    \(section)
                    seed: 7
                    """,
                modelPath: TinyModel.directory.path,
                modelDigest: ModelDigest.of(directory: TinyModel.directory)
            )
        )
    }

    /// Waits until a job is over.
    func outcome(of job: JobID) async throws -> JobReport {
        for try await event in events(of: job) {
            if case .phase(let report) = event, report.summary.phase.isFinal { return report }
        }
        throw Federation.Failure(text: "The server ended before the job was over.")
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
