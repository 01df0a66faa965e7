package import ClientDaemon
package import Coordinator
package import FederatedLearning
package import Foundation
private import TestSupport
private import Transport

/// A federation in a folder of its own: one server's state directory, and those of its clients.
package struct Federation: Sendable {
    private let root: URL
    package let state: StateDirectory

    /// Lends a fresh federation, whose server will listen on loopback at ports of the system's choice.
    package static func with<Result>(
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
    package func withServer<Result>(_ body: (AdminClient) async throws -> Result) async throws -> Result {
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
    package func join(_ name: String) async throws -> ClientDaemon.ClientDirectory {
        let directory = ClientDaemon.ClientDirectory(root.appendingPathComponent(name))
        let invitation = try await state.invite(name, validFor: 60, now: .now)
        let enrolment = try await Membership.join(invitation.text, directory: directory, logger: .silent)
        guard enrolment.name == name else { throw Failure(text: "'\(name)' was enrolled as '\(enrolment.name)'.") }
        return directory
    }

    /// Writes the adapter that a job left, and returns the bytes of its tensors.
    package func export(_ job: JobID, rank: Int? = nil) async throws -> (directory: URL, tensors: Data) {
        let folder = root.appendingPathComponent("export-\(UUID().uuidString)")
        let directory = try await AdapterExporter(store: state.openStore()).export(job, to: folder, rank: rank)
        return (directory, try Data(contentsOf: directory.appendingPathComponent("adapter_model.safetensors")))
    }

    /// Why a federation is not what a test needs.
    package struct Failure: Error, CustomStringConvertible {
        private let text: String
        package var description: String { text }

        package init(text: String) {
            self.text = text
        }
    }
}
