import Adapters
import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import HostilePeers
import NIOCore
import NIOSSL
import TestSupport
import Transport

/// A real server on loopback, two honest clients at work, and a third that is enrolled and means ill.
package struct AttackField: Sendable {
    static let honest = ["honest-a", "honest-b"]
    static let intruderName = "intruder"

    let federation: Federation
    let admin: AdminClient
    let addresses: BoundAddresses
    let store: CoordinatorStore
    let intruderDirectory: ClientDaemon.ClientDirectory

    /// Lends a field whose server runs in this process.
    package static func with<Result>(_ body: (AttackField) async throws -> Result) async throws -> Result {
        try await Federation.with { federation in
            try await federation.withServer { admin in try await open(federation, admin, training: .zero, body) }
        }
    }

    /// Lends a field whose server is a process of its own.
    ///
    /// - Parameters:
    ///   - launch: How to start it; see ``ServerProcess``.
    ///   - training: How long honest clients train.
    ///   - body: What to do meanwhile.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, and why there is no server.
    package static func with<Result>(
        _ launch: ServerProcess.Launch,
        training: Duration = .zero,
        _ body: (AttackField) async throws -> Result
    ) async throws -> Result {
        try await Federation.with { federation in
            try await ServerProcess.with(launch, on: federation.state) { admin in
                try await open(federation, admin, training: training, body)
            }
        }
    }

    private static func open<Result>(
        _ federation: Federation,
        _ admin: AdminClient,
        training: Duration,
        _ body: (AttackField) async throws -> Result
    ) async throws -> Result {
        guard let addresses = try federation.state.runningServer() else {
            throw AttackFailure("The server does not say where it listens.")
        }
        let field = AttackField(
            federation: federation,
            admin: admin,
            addresses: addresses,
            store: try federation.state.openStore(),
            intruderDirectory: try await federation.join(intruderName)
        )
        var daemons: [Daemon] = []
        for (index, name) in honest.enumerated() {
            let trainer = PacedTrainer(base: ConstantTrainer(element: index), duration: training)
            let daemon = try Daemon(try await federation.join(name), trainer: trainer)
            _ = try await daemon.first { event in if case .welcomed = event { true } else { nil } }
            daemons.append(daemon)
        }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(field)) } catch { result = .failure(error) }
        for daemon in daemons { await daemon.kill() }
        return try result.get()
    }

    // MARK: - Where to strike

    func port(of door: Door) -> Int {
        switch door {
        case .federation: addresses.federation.port
        case .enrolment: addresses.enrolment.port
        case .admin: addresses.admin.port
        }
    }

    /// A peer with the intruder's certificate.
    func intruder(versions: (TLSVersion, TLSVersion) = (.tlsv13, .tlsv13)) throws -> RawTLSPeer {
        RawTLSPeer(
            certificate: try NodeCertificate(contentsOf: intruderDirectory.certificateFile),
            key: try NodeKey(contentsOf: intruderDirectory.privateKeyFile),
            versions: versions
        )
    }

    /// Invites a client of a name, and returns the secret.
    func invite(_ name: String, validFor seconds: Int = 60) async throws -> JoinString {
        try await federation.state.invite(name, validFor: seconds, now: .now)
    }

    // MARK: - What must hold

    /// Checks that the server answers its operator.
    func checkServer() async throws {
        let response = try await request(HTTPText.get("/v1/health", token: try federation.state.adminToken()))
        guard response.status == 200 else {
            throw AttackFailure("The server is not well: it answers \(response.status.map(String.init) ?? "nothing").")
        }
    }

    /// Has the honest clients complete a round, which counts each of them once.
    package func completeRound() async throws {
        let job = try await submit(clients: 2)
        try await checkRound(of: job, honestAlone: true)
    }

    /// Has the intruder take part in a round with an offer of its choice.
    ///
    /// - Parameters:
    ///   - offering: What it offers.
    ///   - honestAlone: Whether the round may count nobody else than the honest clients.
    /// - Returns: What became of the offer.
    /// - Throws: ``AttackFailure`` when the round is not complete, or its adapter is not that of those who count.
    func playRound(_ offering: Offering, honestAlone: Bool) async throws -> HostileClient.Answer {
        let client = try HostileClient(directory: intruderDirectory)
        let (jobs, submitted) = AsyncStream.makeStream(of: JobID.self)
        let answer = try await client.offerOnce(offering) {
            submitted.yield(try await submit(clients: 3))
            submitted.finish()
        }
        guard let job = await jobs.first(where: { _ in true }) else { throw CancellationError() }
        // Whatever else it is asked for, so that nobody waits for it.
        let refusing = Task { await client.refuseEverything() }
        defer { refusing.cancel() }
        try await checkRound(of: job, honestAlone: honestAlone)
        return answer
    }

    /// Submits a job of one round that needs two updates.
    func submit(clients: Int) async throws -> JobID {
        try await admin.submit(
            rounds: 1,
            clients: clients,
            minimum: 2,
            deadline: "20s",
            strategy: "{name: fedavg}",
            section: "evaluation: {every: 1, clients: \(clients)}"
        )
    }

    /// Waits until a job is over, without asking again and again: the stream of its events ends then.
    func waitUntilOver(_ job: JobID) async throws -> JobReport {
        let token = try federation.state.adminToken()
        _ = try await request(HTTPText.get("/v1/jobs/\(job.rawValue)/events", token: token))
        return try await store.jobs.report(of: job)
    }

    private func checkRound(of job: JobID, honestAlone: Bool) async throws {
        let report = try await waitUntilOver(job)
        guard report.summary.phase == .finished, let round = report.rounds.last else {
            throw AttackFailure("The round is \(report.summary.phase): \(report.summary.reason ?? "no reason").")
        }
        guard honestAlone else { return }
        guard round.clients == Self.honest else {
            throw AttackFailure("The round counts \(round.clients), not \(Self.honest).")
        }
        // Each honest client adds 1 to its own element, and the average is over two.
        let directory = try await federation.export(job).directory
        let bias = try PEFTDirectory(reading: directory).adapter.savedTensors["classifier.bias"]?.elements
        guard bias == [0.5, 0.5] else {
            throw AttackFailure("The adapter is not the honest clients': its bias is \(bias ?? []).")
        }
    }

    /// What the server's process takes.
    package func serverMemory() throws -> ProcessMemory { try ProcessMemory(of: addresses.process) }

    // MARK: - The admin API

    /// Sends bytes to the admin API and returns what comes until it closes.
    func request(_ bytes: [UInt8]) async throws -> Observation {
        Observation(received: try await RawTCPPeer.talk(to: port(of: .admin), sending: bytes))
    }
}
