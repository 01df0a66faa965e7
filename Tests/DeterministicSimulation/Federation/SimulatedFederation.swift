import Adapters
import Aggregation
import ClientDaemon
import Coordinator
import FederatedLearning
import Foundation
import LinearAlgebra
import Logging
import NIOCore
import NIOEmbedded
import TestSupport
import Transport

/// A server and its clients on a simulated clock, network and disk, while one ``Scenario`` is played.
///
/// What runs is what is shipped: the server's sessions, rounds and SQLite store, the clients' daemons whole, and every
/// actor, task and file operation in them. Simulated are the threads, the clocks, random numbers, the bytes' way between
/// channels, and what a disk keeps.
final class SimulatedFederation: @unchecked Sendable {  // Used on the scheduler's thread only.
    /// How a process ends that does not end by itself.
    enum Death {
        /// What it did stays.
        case killed
        /// What was not forced to disk may be lost.
        case powerCut
    }

    let scheduler: Scheduler
    let disk: SimulatedDisk
    let network: SimulatedNetwork
    let scenario: Scenario
    let bug: PlantedBug?
    let folder: URL
    private(set) lazy var checks = Checks(of: self, oracle: oracle)
    private(set) lazy var server = ServerNode(of: self, folder: folder.appendingPathComponent("server"))
    private(set) lazy var clients = (0..<FederationTemplate.clients).map { number in
        ClientNode(number, of: self, folder: folder.appendingPathComponent(FederationTemplate.name(of: number)))
    }
    private let oracle: Oracle
    let template: FederationTemplate
    var hostilePeers: [HostilePeer] = []
    var log: EventLog

    /// How each process dies that dies at a change of a file.
    var deaths: [ObjectIdentifier: Death] = [:]
    /// Why a process may end by itself, or a daemon give up.
    var excuses: Set<String> = []
    /// Clients that train too slowly, or not at all, until then.
    var slowUntil: [Int: Int64] = [:]
    var failsUntil: [Int: Int64] = [:]
    /// Until when a process's disk is full, by the process's name.
    var fullUntil: [String: Int64] = [:]
    /// For how many reasons all calendars show a time at which certificates have ended.
    var calendarsAhead = 0
    /// How far somebody has turned the server's calendar, in nanoseconds.
    var serverClockError: Int64 = 0
    var isHealed = false
    private var generator: CounterGenerator

    // What planted bugs remember.
    var formerStates: [JobID: RunState] = [:]
    var formerOffer: UpdateOffer?
    var firstUpdate: AdapterReference?
    var firstAdapters: [Int: LoRAAdapter] = [:]
    var occasions = 0

    init(
        _ scenario: Scenario,
        bug: PlantedBug?,
        scheduler: Scheduler,
        disk: SimulatedDisk,
        oracle: Oracle,
        folder: URL,
        template: FederationTemplate
    ) {
        self.scenario = scenario
        self.bug = bug
        self.scheduler = scheduler
        self.disk = disk
        self.folder = folder
        self.network = SimulatedNetwork(
            clients: FederationTemplate.clients,
            scheduler: scheduler,
            seed: scenario.seed
        )
        self.log = EventLog(scheduler: scheduler)
        self.generator = CounterGenerator(seed: scenario.seed, stream: 5)
        self.oracle = oracle
        self.template = template
        watch()
    }

    private func watch() {
        scheduler.afterStep = { [network] in network.eventLoop.run() }
        disk.observe = { [unowned self] process, kind, _ in log.note(kind, process) }
        disk.onDeath = { [unowned self] process in end(process, deaths[ObjectIdentifier(process)] ?? .killed) }
        network.observe = { [unowned self] connection, side, frame, fate in
            // Sizes of payloads only: those of certificates differ from run to run.
            let isChunk = frame.getInteger(at: frame.readerIndex + 4, as: UInt8.self) == 2
            log.note(fate, connection.processes[side.rawValue], isChunk ? frame.readableBytes : 0)
        }
        plantDiskBugs()
    }

    /// Draws a number below `limit`.
    func draw(below limit: Int) -> Int { Int(truncatingIfNeeded: generator.next() % UInt64(limit)) }

    /// Whether this is one of every so many occasions on which a planted bug shows.
    func isEvery(_ count: Int) -> Bool {
        occasions += 1
        return occasions.isMultiple(of: count)
    }

    func job(_ id: JobID) -> SimulatedJob? { server.jobs.first { $0.id == id } }

    /// The client after this one, in order of names.
    func neighbour(of client: ClientID) -> ClientID {
        let number = clients.first { $0.name == client.rawValue }?.number ?? 0
        return ClientID(FederationTemplate.name(of: (number + 1) % FederationTemplate.honest))
    }

    // MARK: - Ends and beginnings

    /// Ends a process, and has another take its place after a while.
    func end(_ process: SimulatedProcess, _ death: Death) {
        guard process.isAlive else { return }
        log.note(death == .killed ? "killed" : "loses power", process)
        stop(process)
        network.abandon(process, silently: death == .powerCut)
        restart(process, death, after: Int64(500 + draw(below: 3000)) * 1_000_000)
    }

    /// A process has ended by itself.
    func ended(_ process: SimulatedProcess, because error: (any Error)?) {
        guard process.isAlive else { return }
        log.note("ends by itself", process, 0, error.map { "\(type(of: $0))" } ?? "")
        if !excuses.contains(process.name) {
            checks.violate("'\(process.name)' has ended by itself: \(error.map { "\($0)" } ?? "without a reason").")
        }
        stop(process)
        network.abandon(process, silently: false)
        // After a failed fsync nothing is known of what is on the disk. It may be lost at once, or still be read from memory and
        // count as written, until the power is gone.
        let death: Death = draw(below: 2) == 0 ? .powerCut : .killed
        restart(process, death, after: Int64(1000 + draw(below: 4000)) * 1_000_000)
        guard death == .killed else { return }
        let name = process.name
        scheduler.after(Int64(6000 + draw(below: 20_000)) * 1_000_000, as: scheduler.harness) { [self] in
            guard !isHealed, let present = latestProcess(named: name) else { return }
            end(present, .powerCut)
        }
    }

    private func latestProcess(named name: String) -> SimulatedProcess? {
        ([server.process] + clients.map(\.process)).first { $0.name == name }
    }

    func stop(_ process: SimulatedProcess) {
        // What this wakes up is still the dead process's, and has no effect any more.
        scheduler.perform(as: process) {
            if process === server.process { server.stop() }
            clients.first { $0.process === process }?.stop()
        }
    }

    private func restart(_ process: SimulatedProcess, _ death: Death, after delay: Int64) {
        scheduler.after(delay, as: scheduler.harness) { [self] in
            let volume = disk.takeVolume(of: process)
            let changes = death == .killed ? volume.afterKill : volume.afterPowerCut(using: &generator)
            let isServer = process === server.process
            guard let former = isServer ? server.folder : clients.first(where: { $0.process === process })?.folder
            else { return }
            let next = folder.appendingPathComponent("\(process.name)+\(log.count)", isDirectory: true)
            do {
                try SimulatedDisk.layOut(former, as: next, changes: changes)
                try? FileManager.default.removeItem(at: former)
            } catch {
                checks.violate("The harness cannot lay out a disk: \(error)")
            }
            var kept = death == .killed ? volume.moved(from: former.path, to: next.path) : Volume()
            if isServer {
                server.move(to: next)
                server.start(on: kept)
                fillDisk(of: server.process)
            } else if let client = clients.first(where: { $0.process === process }) {
                do {
                    try client.move(to: next, &kept)
                } catch {
                    checks.violate("The harness cannot write a certificate: \(error)")
                }
                plantStartBugs(at: client)
                let outbox = ClientDaemon.ClientDirectory(next).outbox
                checks.restarted(client.name, with: OutboxFolder.items(at: outbox))
                client.start(on: kept)
                fillDisk(of: client.process)
            }
        }
    }

    /// Fills a process's disk, or has it find room again.
    func fillDisk(of process: SimulatedProcess) {
        process.disk.isFull = fullUntil[process.name, default: 0] > scheduler.now
    }

    // MARK: - What processes ask for

    /// Connects a client to the server, if the network, the server and its certificate allow.
    func dial(
        from client: Int,
        _ process: SimulatedProcess,
        with credentials: ClientCredentials
    ) async throws -> SimulatedDialer.End {
        try await Task.sleep(for: .nanoseconds(network.links[client].delay.upperBound * 2))
        let link = network.links[client]
        guard process.isAlive else { throw CancellationError() }
        guard !link.isUnreachable, !link.holdsUp, !link.holdsDown else {
            try await Task.sleep(for: .seconds(10))
            throw TransportError.unreachable(host: "127.0.0.1", port: 8443, reason: "no answer within 10 s")
        }
        guard server.isServing else { throw TransportError.refused(host: "127.0.0.1", port: 8443) }
        let address = "client:\(client)"
        let peer: PeerIdentity
        let calendar = scheduler.perform(as: server.process) { Date() }
        // TLS says so before anybody looks at whose certificate it is.
        if !credentials.certificate.isValid(at: calendar), bug != .ignoresExpiry { throw TransportError.expired }
        do {
            peer = try FederationListener.judge(
                credentials.certificate,
                address,
                now: bug == .ignoresExpiry ? Date(timeIntervalSince1970: FederationTemplate.epoch) : calendar
            )
        } catch {
            throw TransportError.rejected(reason: "\(error)")
        }
        if !credentials.certificate.isValid(at: calendar) {
            checks.violate("'\(credentials.name)' is let in with a certificate that has ended.")
        }
        let connection = try network.connect(client, process, to: server.process)
        server.accept(connection.channels[1], from: peer)
        return (connection.channels[0], template.server)
    }

    func trainer(of client: Int) -> SimulatedTrainer {
        let generation = clients[client].generation
        return SimulatedTrainer(client: client) { [self] in
            if failsUntil[client, default: 0] > scheduler.now { throw FailedTraining() }
            let isSlow = slowUntil[client, default: 0] > scheduler.now
            return (isSlow ? SimulatedJob.deadline + .seconds(2) : .zero) + .milliseconds(100 + draw(below: 900))
        } change: { [self] adapter, order in
            changedByBug(adapter, order, at: client, generation)
        }
    }

    private struct FailedTraining: Error {}

    /// A client's daemon tells of something.
    func observed(
        _ event: ClientEvent,
        at client: Int,
        _ process: SimulatedProcess,
        in directory: ClientDaemon.ClientDirectory
    ) {
        let name = process.name
        switch event {
        case .started(let order):
            log.note("works", process, order.id.round)
            checks.started(order, by: name)
        case .finished(let update):
            log.note("finishes", process, update.order.id.round)
            let blob = directory.outbox.appendingPathComponent("blobs/\(update.adapter.digest)")
            checks.finished(update, payload: (try? Data(contentsOf: blob)).map { [UInt8]($0) }, by: name)
        case .judged(let id, let verdict):
            log.note(verdict == .accepted ? "is accepted" : "is rejected", process, id.round)
            checks.judged(id, verdict, by: name, server.store)
        case .withdrawn(let id, _):
            log.note("is withdrawn", process, id.round)
            checks.dropped(id, by: name)
        case .received(let order):
            log.note("is ordered", process, order.id.round)
            checks.received(order, by: name)
        case .welcomed: log.note("connects", process)
        case .disconnected(let kind, _, _): log.note("disconnects", process, 0, kind)
        case .refused(let id, _): log.note("refuses", process, id.round)
        case .failed(let order, _): log.note("fails", process, order.id.round)
        case .renewed: log.note("is certified", process)
        case .connecting, .loaded, .progressed, .evaluated, .halted, .hindered, .stopped: break
        }
    }

    /// Prepares a job as `JobExecution.live` does, over observed seams.
    func execution(
        of job: JobRecord,
        store: CoordinatorStore,
        registry: SessionRegistry,
        logger: Logger
    ) -> JobExecution {
        guard let simulated = self.job(job.id), let plan = try? job.configuration.aggregationPlan() else {
            return JobExecution(run: {}, cancel: {})
        }
        let clock: any RunClock =
            switch bug {
            case .missesDeadlines: WrongClock(.neverRings)
            case .hurriesDeadlines: WrongClock(.ringsAtOnce)
            default: SystemRunClock()
            }
        let run = FederatedRun(
            job: job.id,
            configuration: job.configuration,
            modelDigest: job.submission.modelDigest,
            aggregation: plan.aggregation,
            backend: ObservedCohort(base: LiveCohortBackend(registry: registry, store: store.runs), federation: self),
            store: ObservedRunStore(
                base: store.runs,
                payloads: store.payloads,
                process: server.process,
                federation: self
            ),
            clock: clock,
            logger: logger,
            initialAdapter: { simulated.initialAdapter() }
        )
        return JobExecution(
            run: {
                _ = try await run.run()
                await registry.settle(job.id)
            },
            cancel: { run.cancel() }
        )
    }
}
