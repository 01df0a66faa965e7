package import Adapters
import Aggregation
package import FederatedLearning
package import Foundation
package import Logging

/// One experiment with one seed, from its first round to the files that it leaves.
///
/// The rounds are those of ``FederatedRun``, as a server runs them, on virtual time; the clients do what ``ClientWork``
/// does in a daemon.
package struct SimulationRun: Sendable {
    /// What a run needs beside its experiment; runs of a sweep may share it.
    package struct World: Sendable {
        package let partition: Partition
        package let trainer: any SimulatedTrainer
        package let modelDigest: ContentDigest
        package let initialAdapter: @Sendable () async throws -> LoRAAdapter

        package init(
            partition: Partition,
            trainer: any SimulatedTrainer,
            modelDigest: ContentDigest,
            initialAdapter: @escaping @Sendable () async throws -> LoRAAdapter
        ) {
            self.partition = partition
            self.trainer = trainer
            self.modelDigest = modelDigest
            self.initialAdapter = initialAdapter
        }
    }

    private static let job = JobID(rawValue: "simulation")

    private let experiment: Experiment
    /// The text that describes the experiment.
    private let text: String
    private let folder: URL
    private let world: World
    private let logger: Logger
    private let report: @Sendable (RunProgress) -> Void

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - experiment: What is simulated.
    ///   - text: The YAML text of it, which is kept beside the results.
    ///   - folder: Where the results go. A run of the same experiment that was interrupted there is gone on with.
    ///   - world: Rows, trainer and model.
    ///   - logger: Gets what the rounds log.
    ///   - report: Told how far the run has come.
    package init(
        _ experiment: Experiment,
        text: String,
        in folder: URL,
        world: World,
        logger: Logger = Logger(label: "fed-sim", factory: { _ in SwiftLogNoOpLogHandler() }),
        report: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) {
        self.experiment = experiment
        self.text = text
        self.folder = folder
        self.world = world
        self.logger = logger
        self.report = report
    }

    /// Runs to the end.
    ///
    /// - Returns: What `summary.json` says.
    /// - Throws: ``SimulationError`` when the run fails, or a saved state is damaged; what the trainer throws before the
    ///   first round. What goes wrong with one client is an event in `clients.csv`.
    package func run() async throws -> RunSummary {
        let output = RunFolder(folder)
        let digest = ContentDigest(hashing: text.utf8)
        let saved = try output.prepare(for: digest)
        try output.writeExperiment(text)
        let clock = VirtualClock(start: saved?.time ?? .zero)
        let recorder = try RunRecorder(
            in: folder,
            clock: clock,
            rounds: experiment.job.rounds,
            resuming: saved?.recorder,
            report: report
        )
        let population = Population(partition: world.partition, experiment: experiment, seed: experiment.job.seed)
        try output.writePartition(of: population)
        let store = SimulationStore(
            job: Self.job,
            configuration: experiment.job,
            recorder: recorder,
            saved: saved?.run
        )
        let memories = ClientMemories(saved?.notes ?? [:])
        let ledgers = SiloLedgers(saved?.ledgers ?? [:])
        let cohort = SimulatedCohort(
            population: population,
            clock: clock,
            store: store,
            trainer: world.trainer,
            memories: memories,
            ledgers: ledgers,
            recorder: recorder,
            job: experiment.job,
            modelDigest: world.modelDigest,
            resuming: saved?.outstanding ?? []
        )
        clock.drive(cohort)
        await store.onRoundEnd { [experiment] run in
            guard run.state.committedRounds.isMultiple(of: experiment.checkpointEvery) else { return }
            let checkpoint = Checkpoint(
                experiment: digest,
                time: clock.now(),
                run: run,
                outstanding: await cohort.outstanding,
                recorder: try recorder.flush(),
                notes: memories.all,
                ledgers: ledgers.all
            )
            try checkpoint.write(to: folder)
        }
        var limits = RunLimits(for: experiment.job)
        // Nobody has to connect again after a restart.
        limits.gathering = .zero
        let run = FederatedRun(
            job: Self.job,
            configuration: experiment.job,
            modelDigest: world.modelDigest,
            aggregation: try experiment.job.aggregationPlan().aggregation,
            backend: cohort,
            store: store,
            clock: clock,
            secrets: .seeded(experiment.job.seed),
            limits: limits,
            logger: logger,
            initialAdapter: world.initialAdapter
        )
        let state = try await run.run()
        recorder.finish()
        _ = try recorder.flush()
        return try await finish(state, output: output, store: store, recorder: recorder, population: population)
    }

    /// What a finished run of this very experiment and version left in `folder`; `nil` when there is none.
    package static func summary(ofFinished text: String, in folder: URL) -> RunSummary? {
        RunFolder(folder).summary(ofFinished: text)
    }

    /// After which round the state of an interrupted run in `folder` is saved; `nil` when none is.
    package static func savedRound(in folder: URL) -> Int? {
        (try? Checkpoint.read(in: folder))?.run.state.committedRounds
    }

    /// Writes what is left at the end.
    private func finish(
        _ state: RunState,
        output: RunFolder,
        store: SimulationStore,
        recorder: RunRecorder,
        population: Population
    ) async throws -> RunSummary {
        switch state.phase {
        case .failed(let reason): throw SimulationError.runFailed(reason: reason)
        case .cancelled: throw CancellationError()
        // A budget that ends the rounds leaves the adapter of the last one.
        case .pending, .running, .finished, .exhausted: break
        }
        guard let global = state.global else { throw SimulationError.runFailed(reason: "It left no adapter.") }
        let totals = recorder.totals
        let job = experiment.job
        let summary = RunSummary(
            name: job.name,
            task: job.task.rawValue,
            strategy: job.strategy.name,
            mode: job.strategy.mode?.rawValue,
            seed: job.seed,
            clients: population.count,
            rounds: totals.rounds,
            final: totals.last.map(RunSummary.Figures.init),
            best: totals.best.map(RunSummary.Figures.init),
            simulatedSeconds: recorder.simulatedSeconds,
            seconds: totals.seconds,
            steps: totals.steps,
            stepsPerSecond: Double(totals.steps) / max(totals.seconds, 1e-9),
            peakMemoryBytes: ProcessMemory.peakBytes,
            bytesUp: totals.bytesUp,
            bytesDown: totals.bytesDown,
            adapterSHA256: global.digest.hexadecimal,
            version: Software.version
        )
        try output.writeAdapter(await store.adapter(global), reference: global, job: job)
        try output.write(summary)
        try output.removeCheckpoint()
        return summary
    }
}
