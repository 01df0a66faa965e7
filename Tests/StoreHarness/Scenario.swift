import Aggregation
import FederatedLearning
import Foundation
import GRDB
import Logging
import TestSupport
import Transport

@testable import Coordinator

/// Three rounds of three silos over a store on disk: what is recorded, and what every recovered store has to bring to the
/// same end.
struct Scenario {
    /// A store that is open, and the database under it.
    struct OpenStore {
        let database: CoordinatorDatabase
        let store: CoordinatorStore
    }

    static let silos = ["silo-0", "silo-1", "silo-2"]
    private static let rank = 8
    private static let ranks = [2, 4, 8]
    private static let configuration = JobConfiguration.sample(
        strategy: .init(name: "flexlora", mode: .delta),
        rank: rank,
        rounds: 3,
        size: 3,
        minimum: 3
    )
    static let moment = Date(timeIntervalSince1970: 1_800_000_000)

    static func open(_ folder: URL) throws -> OpenStore {
        let database = try CoordinatorDatabase(file: folder.appending(path: "tributary.sqlite"))
        let payloads = try PayloadStore(directory: folder.appending(path: "payloads"))
        return OpenStore(database: database, store: CoordinatorStore(database: database, payloads: payloads))
    }

    static func fingerprint(of silo: String) -> ContentDigest {
        ContentDigest(hashing: Array("certificate of \(silo)".utf8))
    }

    // MARK: - Recording

    /// Runs everything once in an empty folder, with a restart after the first round and a checkpoint every few commits
    /// from then on.
    ///
    /// - Parameters:
    ///   - folder: Where the store is made.
    ///   - log: Where everything is noted that was acknowledged.
    /// - Returns: The adapter that the job leaves.
    /// - Throws: What the store throws, or `CancellationError` when the job does not finish.
    static func record(in folder: URL, log: AcknowledgementLog) async throws -> AdapterReference {
        let first = try open(folder)
        for silo in silos {
            try await enrol(silo, in: first.store)
            log.append(.enrolled(name: silo, fingerprint: fingerprint(of: silo)))
        }
        try await submit(to: first.store)
        log.append(.submitted)
        _ = try await run(on: first.store, log: log, acknowledged: [], stoppingAfter: 1)
        try first.database.close()

        let second = try open(folder)
        try await second.database.writer.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 16")
        }
        let (state, _) = try await run(on: second.store, log: log, acknowledged: log.all)
        try await second.store.clients.revoke(silos[2], now: moment)
        log.append(.revoked(name: silos[2], fingerprint: fingerprint(of: silos[2])))
        try second.database.close()
        guard let global = state.global, state.phase == .finished else { throw CancellationError() }
        return global
    }

    private static func enrol(_ silo: String, in store: CoordinatorStore) async throws {
        let secret = ContentDigest(hashing: Array("secret of \(silo)".utf8))
        try await store.clients.invite(silo, secretHash: secret, expiry: moment + 600, now: moment)
        _ = try await store.clients.redeem(secretHash: secret, now: moment) { name in
            let fingerprint = fingerprint(of: name)
            return ((), IssuedCertificate(name: name, fingerprint: fingerprint, serial: "01", expiry: moment + 86_400))
        }
    }

    /// Submits the job, as often as one likes.
    static func submit(to store: CoordinatorStore) async throws {
        let submission = JobSubmission(
            yaml: "name: sample",
            modelPath: "/model",
            modelDigest: .sampleModel,
            token: "submitted once"
        )
        _ = try await store.jobs.submit(submission, configuration: configuration, id: .sample, now: moment)
    }

    /// Runs the job from where the store says that it is.
    ///
    /// - Parameters:
    ///   - store: The store, which has the job.
    ///   - log: Where everything is noted that is acknowledged.
    ///   - acknowledged: What the clients remember.
    ///   - last: The round after which to stop, as a server that is told to.
    /// - Returns: Where the job stands then, and what its clients complain of.
    /// - Throws: What the store throws.
    static func run(
        on store: CoordinatorStore,
        log: AcknowledgementLog,
        acknowledged: [Acknowledgement],
        stoppingAfter last: Int? = nil
    ) async throws -> (state: RunState, complaints: [String]) {
        let works = silos.indices.map { index in
            ClientWork(
                client: ClientID(silos[index]),
                maximumRank: ranks[index],
                modelDigest: .sampleModel,
                // Element i of the head tells how often silo i was counted.
                trainer: ConstantTrainer(element: index, factorDelta: 0.25, exampleCount: index + 1)
            )
        }
        let cohort = UploadingCohort(works, store: store, log: log, acknowledged: acknowledged)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let run = FederatedRun(
            job: .sample,
            configuration: configuration,
            modelDigest: .sampleModel,
            aggregation: CohortAggregation(strategy: FlexLoRA(mode: .delta), threads: 1),
            backend: cohort,
            store: store.runs,
            logger: Logger(label: "harness") { _ in SwiftLogNoOpLogHandler() },
            initialAdapter: { .sample(rank: rank) },
            observe: { event in
                guard case .committed(let round, let global, _, _) = event else { return }
                log.append(.committed(round: round, global: global))
                if round == last { stop.yield() }
            }
        )
        let state = try await withThrowingTaskGroup(of: RunState?.self) { group in
            group.addTask {
                do {
                    return try await run.run()
                } catch FederatedLearningError.backendEnded {
                    // The way in which a run ends that is told to stop.
                    return nil
                } catch is CancellationError {
                    return nil
                }
            }
            group.addTask {
                for await _ in stops { return nil }
                return nil
            }
            let state = try await group.next() ?? nil
            group.cancelAll()
            try await group.waitForAll()
            return state
        }
        await cohort.settle()
        if let state { return (state, await cohort.complaints) }
        return (try await store.runs.state(of: .sample), await cohort.complaints)
    }
}
