import Aggregation
import FederatedLearning
import Foundation
import Logging
import NIOCore
import TestSupport
import Transport
import WireProtocol

@testable import Coordinator

/// The server of a simulated federation: everything of `CoordinatorServer` but its listeners, keys and admin API.
///
/// A client's connection comes through ``accept(_:from:)`` instead of a listener. What the shipped server puts together is
/// put together here in the same way.
final class ServerNode {
    /// A server that can be reached.
    private struct Serving {
        let store: CoordinatorStore
        let registry: SessionRegistry
        let desk: EnrolmentDesk
        let runner: JobRunner
        let arrivals: AsyncStream<(any Channel, PeerIdentity)>.Continuation
    }

    private unowned let federation: SimulatedFederation
    private(set) var process: SimulatedProcess
    private(set) var folder: URL
    private var task: Task<Void, Never>?
    private var serving: Serving?
    private var generation = 0
    /// Jobs that the operator has handed in, or will as soon as the server serves.
    private(set) var jobs: [SimulatedJob] = []

    init(of federation: SimulatedFederation, folder: URL) {
        self.federation = federation
        self.folder = folder
        self.process = SimulatedProcess(name: "server", number: 1)
        self.process.isAlive = false
    }

    var isServing: Bool { process.isAlive && serving != nil }

    // MARK: - Life

    /// Begins a process.
    ///
    /// - Parameter volume: What is known of its disk.
    func start(on volume: Volume = Volume()) {
        generation += 1
        let process = SimulatedProcess(name: "server", number: 1)
        process.calendarOffset = self.process.calendarOffset
        process.volume = volume
        self.process = process
        federation.log.note("server starts", process, generation)
        let (folder, federation) = (folder, federation)
        federation.scheduler.perform(as: process) {
            task = Task.detached {
                do {
                    try await federation.server.run(in: folder, as: process)
                    federation.ended(process, because: nil)
                } catch {
                    federation.ended(process, because: error)
                }
            }
        }
    }

    /// Ends the process at once.
    func stop() {
        process.isAlive = false
        serving?.arrivals.finish()
        serving = nil
        task?.cancel()
        task = nil
    }

    /// Moves to what is left of the disk.
    func move(to folder: URL) { self.folder = folder }

    private func run(in folder: URL, as process: SimulatedProcess) async throws {
        let logger = Logger(label: "server") { _ in SwiftLogNoOpLogHandler() }
        let state = try StateDirectory(opening: folder)
        let lock = try state.lock()
        defer { withExtendedLifetime(lock) {} }
        let store = CoordinatorStore(
            database: try CoordinatorDatabase(
                file: folder.appendingPathComponent(StateDirectory.databaseName),
                .serial
            ),
            payloads: try PayloadStore(directory: folder.appendingPathComponent(StateDirectory.payloadFolderName))
        )
        try store.renewLog()
        try await store.removeUnusedPayloads()
        try await federation.checks.recovered(store)

        let metrics = CoordinatorMetrics()
        let storage = StorageWatch()
        let registry = SessionRegistry(metrics: metrics)
        let authority = try state.authority()
        let desk = EnrolmentDesk(
            clients: store.clients,
            issuer: { IssuingAuthority(authority: authority) },
            lifetime: FederationTemplate.certificateLife,
            metrics: metrics,
            logger: logger,
            expel: { name in await registry.expel(name) }
        )
        let environment = SessionEnvironment(
            registry: registry,
            store: store,
            limits: ConversationLimits(payloadBytes: 1 << 20),
            uploads: UploadGate(limit: 8),
            metrics: metrics,
            logger: logger,
            renew: { peer, request in await desk.renew(peer, certificateRequest: request) },
            storageFailed: storage.notice
        )
        let runner = JobRunner(store: store, logger: logger) { [federation] job in
            federation.execution(of: job, store: store, registry: registry, logger: logger)
        }
        for job in jobs { try await submit(job, to: store) }
        let (arrivals, continuation) = AsyncStream.makeStream(of: (any Channel, PeerIdentity).self)
        guard process.isAlive else { return }
        serving = Serving(store: store, registry: registry, desk: desk, runner: runner, arrivals: continuation)
        federation.log.note("server serves", process, generation)
        runner.wake()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await storage.run() }
            group.addTask { try await runner.run() }
            group.addTask {
                await withDiscardingTaskGroup { connections in
                    for await (channel, peer) in arrivals {
                        connections.addTask {
                            try? await FrameConnection.lend(over: channel, to: peer, limits: .server) { connection in
                                await environment.serve(connection)
                            }
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        await registry.close()
    }

    // MARK: - What reaches it

    /// Takes a connection whose client has proved who it is.
    func accept(_ channel: any Channel, from peer: PeerIdentity) {
        federation.scheduler.perform(as: process) { _ = serving?.arrivals.yield((channel, peer)) }
    }

    /// Hands in a job, now or when the server serves again.
    func submit(_ job: SimulatedJob) {
        jobs.append(job)
        ask { [self] serving in
            try await submit(job, to: serving.store)
            serving.runner.wake()
        }
    }

    private func submit(_ job: SimulatedJob, to store: CoordinatorStore) async throws {
        _ = try await store.jobs.submit(
            JobSubmission(
                yaml: job.yaml,
                modelPath: "/none",
                modelDigest: ContentDigest(hashing: [0]),
                token: job.id.rawValue
            ),
            configuration: job.configuration,
            id: job.id,
            now: Date()
        )
    }

    /// Shuts a client out, as an operator does.
    ///
    /// - Parameters:
    ///   - name: The client.
    ///   - onlyOnRecord: Whether its connection stays, for a bug that is planted.
    ///   - completion: Called when it is done.
    func revoke(_ name: String, onlyOnRecord: Bool, completion: @escaping () -> Void) {
        ask { serving in
            try await serving.store.clients.revoke(name, now: Date())
            if !onlyOnRecord { await serving.registry.expel(name) }
            completion()
        }
    }

    /// Lets a client in again with a new certificate, as an operator and `fed-client join` do.
    func readmit(
        _ name: String,
        secret: [UInt8],
        publicKey: NodePublicKey,
        completion: @escaping (NodeCertificate?) -> Void
    ) {
        let process = process
        ask { serving in
            let answer = try? await Self.enrol(name, secret: secret, keys: [publicKey], at: serving).first
            guard process.isAlive, case .accepted(let certificate, _, _, _) = answer else { return completion(nil) }
            completion(certificate)
        }
    }

    /// Uses one invitation for several keys, and tells how many certificates came of it.
    func redeem(
        _ name: String,
        secret: [UInt8],
        keys: [NodePublicKey],
        isForgetful: Bool,
        completion: @escaping (Int) -> Void
    ) {
        ask { serving in
            var answers = try await Self.enrol(name, secret: secret, keys: keys, at: serving)
            // The shipped desk uses an invitation up; this one finds a second under the same name.
            if isForgetful {
                answers += try await Self.enrol("\(name)-again", secret: secret.reversed(), keys: keys, at: serving)
            }
            completion(
                answers.count {
                    if case .accepted = $0 { true } else { false }
                }
            )
        }
    }

    private static func enrol(
        _ name: String,
        secret: [UInt8],
        keys: [NodePublicKey],
        at serving: Serving
    ) async throws -> [EnrolmentAnswer] {
        let hash = EnrolmentDesk.hash(of: secret)
        try await serving.store.clients.invite(name, secretHash: hash, expiry: Date() + 600, now: Date())
        return await withTaskGroup(of: EnrolmentAnswer.self) { group in
            for key in keys {
                group.addTask {
                    await serving.desk.enrol(
                        EnrolmentAttempt(secret: secret, publicKey: key, address: "stranger"),
                        federation: ListenAddress(host: "127.0.0.1", port: 8443)
                    )
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The store of a server that serves.
    var store: CoordinatorStore? { process.isAlive ? serving?.store : nil }

    /// How a job stands; `nil` when nobody can be asked.
    func phase(of job: JobID) -> RunState.Phase? { try? store?.phase(of: job) }

    /// Who is connected.
    func connectedClients(_ body: @escaping (Set<String>) -> Void) {
        ask { serving in body(Set(await serving.registry.profiles.map(\.id.rawValue))) }
    }

    /// Looks at the store of a server that serves.
    func withStore(_ body: @escaping (CoordinatorStore) async throws -> Void) {
        ask { try await body($0.store) }
    }

    private func ask(_ body: @escaping (Serving) async throws -> Void) {
        guard let serving else { return }
        nonisolated(unsafe) let question = body
        federation.scheduler.perform(as: process) {
            _ = Task.detached { try? await question(serving) }
        }
    }
}
