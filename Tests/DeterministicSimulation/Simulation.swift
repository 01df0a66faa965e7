private import ClientDaemon
private import FederatedLearning
package import Foundation

/// Plays seeds: builds the federation of each, lets everything go wrong that it stands for, and says what was violated.
package final class Simulation {
    /// What playing one seed came to.
    package struct Outcome: Sendable {
        package let seed: UInt64
        /// What was violated, the first one first; empty when all is well.
        package let violations: [String]
        /// Of everything that has happened: the same in every run of the seed.
        package let digest: UInt64
        package let eventCount: Int
        /// How long it took on the simulated clock, in nanoseconds.
        package let duration: Int64
        /// The latest events, for people.
        package let events: [String]
        /// How the main job ended.
        package let ending: String
    }

    /// How long everything may take after the faults, in nanoseconds.
    private static let patience: Int64 = 2 * 3600 * 1_000_000_000
    /// How long peers may take to find each other again after the faults.
    private static let settling: Int64 = 150_000_000_000
    /// How long a job of one round may take when nothing is wrong.
    private static let promptness: Int64 = 30_000_000_000

    private let template: FederationTemplate
    private let folder: URL
    private let oracle = Oracle()

    /// Creates a player that works in `folder`, which should lie in memory.
    package init(template: FederationTemplate, folder: URL) {
        self.template = template
        self.folder = folder
    }

    /// Plays a scenario, with a planted bug or as shipped.
    ///
    /// - Parameters:
    ///   - scenario: What happens.
    ///   - bug: A mistake to make, for a test of the tester.
    ///   - eventCount: How many of the latest events to return.
    /// - Returns: What it came to.
    /// - Throws: When the folders cannot be made.
    package func play(_ scenario: Scenario, bug: PlantedBug? = nil, eventCount: Int = 40) throws -> Outcome {
        let root = folder.appendingPathComponent("seed-\(scenario.seed)", isDirectory: true)
        try? FileManager.default.removeItem(at: root)
        try FileManager.default.copyItem(at: template.folder, to: root)
        defer { try? FileManager.default.removeItem(at: root) }
        let scheduler = Scheduler(seed: scenario.seed)
        let disk = SimulatedDisk(root: root.path, scheduler: scheduler)
        oracle.forgetOld()
        return try SimulatedSystem.run(on: scheduler, disk) {
            let federation = SimulatedFederation(
                scenario,
                bug: bug,
                scheduler: scheduler,
                disk: disk,
                oracle: oracle,
                folder: root,
                template: template
            )
            let start = scheduler.now
            let ending = try perform(federation)
            federation.shutDown()
            return Outcome(
                seed: scenario.seed,
                violations: federation.checks.violations,
                digest: federation.log.digest,
                eventCount: federation.log.count,
                duration: scheduler.now - start,
                events: federation.log.latest(eventCount).map(\.description),
                ending: ending
            )
        }
    }

    private func perform(_ federation: SimulatedFederation) throws -> String {
        let (scheduler, scenario) = (federation.scheduler, federation.scenario)
        let start = scheduler.now
        let job = try SimulatedJob(
            id: "main",
            rounds: scenario.rounds,
            minimum: scenario.minimum,
            privacy: scenario.privacy,
            seed: 7
        )
        federation.begin(job)
        for fault in scenario.faults { federation.schedule(fault) }

        // While things go wrong; without faults there is nothing to wait for.
        if !scenario.faults.isEmpty {
            _ = scheduler.run(until: start + Scenario.troubled) { !federation.checks.violations.isEmpty }
            federation.heal()
        }
        guard let phase = wait(for: job, in: federation, atMost: Self.patience) else {
            return "no end"
        }
        let ending = "\(phase)"
        federation.log.note("main job is over", scheduler.harness, 0, String(ending.prefix { $0 != "(" }))

        // Afterwards a round has to be perfect.
        if !scenario.faults.isEmpty { federation.pass(Self.settling) }
        let probe = try SimulatedJob(id: "probe", rounds: 1, minimum: FederationTemplate.honest, seed: 7)
        federation.server.submit(probe)
        if let end = wait(for: probe, in: federation, atMost: Self.promptness), end != .finished {
            federation.checks.violate("After the faults a job fails: \(end)")
        }
        federation.pass(5_000_000_000)
        federation.conclude([job, probe])
        return ending
    }

    /// Waits until a job is over; notes a violation and returns `nil` when it never is.
    private func wait(
        for job: SimulatedJob,
        in federation: SimulatedFederation,
        atMost patience: Int64
    ) -> RunState.Phase? {
        let scheduler = federation.scheduler
        var phase: RunState.Phase?
        let limit = scheduler.now + patience
        while federation.checks.violations.isEmpty {
            federation.pass(500_000_000)
            phase = federation.server.phase(of: job.id)
            if let phase, phase.isFinal { return phase }
            guard scheduler.now < limit else {
                federation.checks.violate("Job '\(job.id)' does not end: \(phase.map { "\($0)" } ?? "nobody serves").")
                return nil
            }
        }
        return nil
    }
}

extension SimulatedFederation {
    /// Starts everything, and hands in a job.
    func begin(_ job: SimulatedJob) {
        server.submit(job)
        server.start()
        for client in clients.prefix(FederationTemplate.honest) {
            scheduler.after(Int64(draw(below: 1000)) * 1_000_000, as: scheduler.harness) { client.start() }
        }
    }

    /// Lets time pass.
    func pass(_ span: Int64) {
        let end = scheduler.now + span
        var isOver = false
        scheduler.after(span, as: scheduler.harness) { isOver = true }
        let ending = scheduler.run(until: end) { isOver || !checks.violations.isEmpty }
        if ending != .done { checks.violate("Time does not get on: \(ending).") }
    }

    /// Checks what is on record everywhere.
    func conclude(_ jobs: [SimulatedJob]) {
        guard checks.violations.isEmpty else { return }
        var isDone = false
        server.withStore { [self] store in
            do {
                try await checks.conclude(store, jobs: jobs)
                for client in clients.prefix(FederationTemplate.honest) {
                    try checks.conclude(ClientDaemon.ClientDirectory(client.folder), of: client.name)
                }
            } catch {
                checks.violate("What is on record cannot be checked: \(error)")
            }
            isDone = true
        }
        let end = scheduler.now + 60_000_000_000
        if scheduler.run(until: end, { isDone }) != .done {
            checks.violate("Nobody serves at the end.")
        }
    }

    /// Ends every process, and lets what they still hold go.
    func shutDown() {
        for peer in hostilePeers { peer.stop() }
        for process in clients.map(\.process) + [server.process] where process.isAlive {
            stop(process)
            network.abandon(process, silently: false)
        }
        hostilePeers = []
        scheduler.drain()
        scheduler.clear()
    }
}
