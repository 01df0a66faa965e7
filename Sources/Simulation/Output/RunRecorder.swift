import Adapters
import FederatedLearning
import Foundation
private import Synchronization

/// Writes what happens in a run to `rounds.csv` and `clients.csv`, and keeps the figures of its summary.
///
/// Called by the cohort and by the store, one thing at a time, in the order of virtual time: the same run writes the same
/// lines, but for the real seconds.
package final class RunRecorder: Sendable {
    /// Figures over the whole run.
    package struct Totals: Sendable, Hashable, Codable {
        package var rounds = 0
        package var steps = 0
        package var bytesUp = 0
        package var bytesDown = 0
        /// Real seconds, those before a resumption included.
        package var seconds = 0.0
        /// How many pieces of work clients were given.
        package var visits = 0
        /// The latest evaluated round, and that of the best accuracy, or of the least loss where there is none.
        package var last: RoundRecord?
        package var best: RoundRecord?
    }

    /// What has to be saved so that the tables go on.
    struct Saved: Sendable, Hashable, Codable {
        var totals: Totals
        var roundsLength: Int
        var clientsLength: Int
        /// The round whose line is in no table yet: figures may still come.
        var current: RoundRecord?
        var tally: RoundTally
        var epsilon: Double?
    }

    private struct State {
        var totals: Totals
        var rounds: CSVFile
        var clients: CSVFile
        /// The round whose line is not complete yet.
        var current: RoundRecord?
        /// Of the round that is collected.
        var tally: RoundTally
        /// What privacy has cost so far.
        var epsilon: Double?
        var pooled: (round: Int, report: EvaluationReport)?
    }

    private let state: Mutex<State>
    private let clock: VirtualClock
    private let begun = ContinuousClock.now
    private let earlierSeconds: Double
    private let report: @Sendable (RunProgress) -> Void
    private let rounds: Int

    /// Opens the tables in `folder`.
    ///
    /// - Parameters:
    ///   - folder: Where the tables are written.
    ///   - clock: Tells the virtual time.
    ///   - rounds: How many rounds there will be.
    ///   - saved: Where the tables go on; `nil` to start them.
    ///   - report: Told after every piece of a client's work and every round; must return at once.
    /// - Throws: ``SimulationError`` when a table cannot be written, or is shorter than it was.
    init(
        in folder: URL,
        clock: VirtualClock,
        rounds: Int,
        resuming saved: Saved? = nil,
        report: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) throws(SimulationError) {
        self.clock = clock
        self.rounds = rounds
        self.report = report
        self.earlierSeconds = saved?.totals.seconds ?? 0
        self.state = Mutex(
            State(
                totals: saved?.totals ?? Totals(),
                rounds: try CSVFile(
                    at: folder.appendingPathComponent("rounds.csv"),
                    columns: RoundRecord.columns,
                    keeping: saved?.roundsLength
                ),
                clients: try CSVFile(
                    at: folder.appendingPathComponent("clients.csv"),
                    columns: ClientRecord.columns,
                    keeping: saved?.clientsLength
                ),
                current: saved?.current,
                tally: saved?.tally ?? RoundTally(),
                epsilon: saved?.epsilon
            )
        )
    }

    /// Figures so far.
    package var totals: Totals {
        state.withLock { state in
            state.totals.seconds = seconds
            return state.totals
        }
    }

    /// Virtual seconds so far.
    package var simulatedSeconds: Double { clock.now().seconds }

    /// Writes what is complete, and returns where the tables stand.
    func flush() throws(SimulationError) -> Saved {
        try state.withLock { state throws(SimulationError) in
            try state.rounds.flush()
            try state.clients.flush()
            state.totals.seconds = seconds
            return Saved(
                totals: state.totals,
                roundsLength: state.rounds.byteCount,
                clientsLength: state.clients.byteCount,
                current: state.current,
                tally: state.tally,
                epsilon: state.epsilon
            )
        }
    }

    private var seconds: Double { earlierSeconds + begun.duration(to: .now).seconds }

    // MARK: - What happens

    func append(_ record: ClientRecord) {
        let latest: RunProgress? = state.withLock { state in
            var record = record
            // Orders have numbers of their own in asynchronous rounds.
            if record.event != .evaluated { record.round = state.totals.rounds + 1 }
            state.clients.append(record.cells)
            guard record.event != .evaluated else { return nil }
            state.totals.visits += 1
            state.totals.steps += record.steps ?? 0
            state.tally.count(record)
            return progress(of: state)
        }
        if let latest { report(latest) }
    }

    /// The run begins with this adapter.
    func began(with adapter: LoRAAdapter) {
        open(round: 0, adapter: adapter)
    }

    /// A round has left this adapter.
    func committed(round: Int, global adapter: LoRAAdapter) {
        open(round: round, adapter: adapter)
    }

    private func open(round: Int, adapter: LoRAAdapter) {
        let spectrum = AdapterSpectrum(of: adapter)
        let now = clock.now().seconds
        state.withLock { state in
            close(&state)
            state.totals.rounds = round
            var record = RoundRecord(round: round, simulatedSeconds: now, seconds: seconds)
            record.clients = state.tally.trained
            record.failed = state.tally.failed
            record.trainingLoss = state.tally.trainingLoss
            record.bytesUp = state.tally.bytesUp
            record.bytesDown = state.tally.bytesDown
            record.epsilon = state.epsilon
            record.rank = adapter.maximumRank
            record.spectrum = spectrum
            state.current = record
            state.totals.bytesUp += state.tally.bytesUp
            state.totals.bytesDown += state.tally.bytesDown
            state.tally = RoundTally()
        }
    }

    /// Several clients have judged an adapter together.
    func judged(round: Int, pooled: EvaluationReport) {
        state.withLock { $0.pooled = (round, pooled) }
    }

    /// Takes the figures of an evaluation; those of trainings come with the clients' records.
    func measured(_ measurements: [FederatedLearning.Measurement]) {
        state.withLock { state in
            if let cost = measurements.first(where: { $0.phase == "round" && $0.name == SiloStanding.epsilonName }) {
                state.epsilon = cost.value
            }
            let figures = measurements.filter { $0.phase == "evaluate" }
            guard let round = figures.first?.round, state.current?.round == round else { return }
            var overall: [String: Double] = [:]
            for figure in figures where figure.client == nil { overall[figure.name] = figure.value }
            if let pooled = state.pooled, pooled.round == round,
                Double(pooled.report.exampleCount) == overall["examples"]
            {
                // Over all texts together: the mean over clients is another figure for a macro-F1.
                // A figure that is no number cannot be saved; all others were looked through before they came here.
                overall.merge(PeerText.figures(pooled.report.metrics)) { $1 }
            }
            state.current?.loss = overall["loss"]
            state.current?.accuracy = overall["accuracy"]
            state.current?.macroF1 = overall["macro_f1"]
            state.current?.perplexity = overall["perplexity"]
            state.current?.clientAccuracies = RoundRecord.spread(
                of: figures.filter { $0.client != nil && $0.name == "accuracy" }.map(\.value)
            )
        }
    }

    /// Nothing more comes of a round.
    func evaluated(round: Int) {
        let latest = state.withLock { state in
            if let record = state.current, record.round == round, record.loss != nil || record.accuracy != nil {
                state.totals.last = record
                if state.totals.best.map({ record.isBetter(than: $0) }) ?? true { state.totals.best = record }
            }
            if state.current?.round == round { close(&state) }
            return progress(of: state)
        }
        report(latest)
    }

    /// Writes the line of the round that is over.
    func finish() {
        state.withLock { close(&$0) }
    }

    private func close(_ state: inout State) {
        guard let record = state.current else { return }
        state.rounds.append(record.cells)
        state.current = nil
    }

    private func progress(of state: State) -> RunProgress {
        RunProgress(
            round: state.totals.rounds,
            rounds: rounds,
            trainedInRound: state.tally.trained,
            visits: state.totals.visits,
            seconds: seconds,
            simulatedSeconds: clock.now().seconds,
            last: state.totals.last
        )
    }
}

/// How far a run has come, for those who watch it.
package struct RunProgress: Sendable {
    /// How many rounds are complete.
    package let round: Int
    package let rounds: Int
    /// How many updates the next round has.
    package let trainedInRound: Int
    /// How many pieces of work are done, in all rounds.
    package let visits: Int
    package let seconds: Double
    package let simulatedSeconds: Double
    /// The latest evaluated round.
    package let last: RoundRecord?
}

extension RoundRecord {
    /// Whether the accuracy is higher, or, where there is none, the loss lower.
    fileprivate func isBetter(than other: RoundRecord) -> Bool {
        if let accuracy, let otherAccuracy = other.accuracy { return accuracy > otherAccuracy }
        if let loss, let otherLoss = other.loss { return loss < otherLoss }
        return false
    }
}
