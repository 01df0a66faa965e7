import ArgumentParser
import FederatedLearning
import Foundation
import Simulation
import Terminal

/// Runs an experiment, or a sweep of them, and writes tables, adapter and report.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run an experiment and write its tables, its adapter and a report.",
        discussion: """
            Without --out, results go to the folder that `output` names, or to `results` beside the experiment. A list of \
            values in --set, or several `seeds`, make a sweep: each combination is a run in a folder of its own, and \
            comparison.html lays them over one another.

            Ctrl-C ends a run in order. The same command goes on after the last saved round, and ends with the same bytes as \
            a run that was never interrupted; runs of a sweep that are finished are not repeated. Two kinds of jobs may end \
            with other bytes once they were interrupted: with `cohort.patience` the pace of the clients is learnt anew, and \
            with `asynchronous` all who are at work have their whole deadline again, and those who failed are given their \
            work again at once.

            Example: fed-sim run experiment.yaml --set strategy.name=[fedavg,flexlora] --seed 1 --out results
            """
    )

    @OptionGroup var experiment: ExperimentOptions

    @Option(help: ArgumentHelp("The folder for the results; by default what `output` says.", valueName: "folder"))
    var out: String?

    @Option(help: ArgumentHelp("How many threads to use; results do not depend on it.", valueName: "count"))
    var threads: Int?

    func validate() throws {
        guard threads ?? 1 >= 1 else { throw ValidationError("--threads takes a number from 1 on.") }
    }

    func run() async throws {
        let sweep = try experiment.sweep()
        let root =
            out.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? experiment.url.deletingLastPathComponent().appendingPathComponent(
                sweep.runs.first?.experiment.output ?? "results",
                isDirectory: true
            )
        var bench = Workbench(
            folder: experiment.url.deletingLastPathComponent(),
            environment: ProcessInfo.processInfo.environment,
            threads: threads
        )
        for run in sweep.runs {
            let folder = run.name.map { root.appendingPathComponent($0, isDirectory: true) } ?? root
            let isFinished = run.name != nil && SimulationRun.summary(ofFinished: run.text, in: folder) != nil
            if isFinished {
                StandardError.write("\(run.name ?? ""): finished before, not repeated")
                // It may have been ended between its summary and its report.
                if !RunReport.isWritten(in: folder) { try RunReport(directory: folder).write() }
                continue
            }
            let summary = try await Self.perform(run, in: folder, world: try await bench.world(for: run.experiment))
            try RunReport(directory: folder).write()
            print(Self.line(of: summary, folder: folder))
        }
        if sweep.runs.count > 1 {
            try Comparison(
                directories: sweep.runs.compactMap { run in
                    run.name.map { root.appendingPathComponent($0, isDirectory: true) }
                }
            ).write(to: root)
        }
    }

    /// Runs one experiment to its end and shows how far it is.
    private static func perform(
        _ run: ExperimentSweep.Run,
        in folder: URL,
        world: SimulationRun.World
    ) async throws -> RunSummary {
        let meter = ProgressMeter(name: run.name ?? run.experiment.job.name)
        defer { meter.end() }
        let simulation = SimulationRun(run.experiment, text: run.text, in: folder, world: world) { meter.show($0) }
        do {
            return try await Interruption.guarding { try await simulation.run() }
        } catch is Interruption.Interrupted {
            throw SimulationError.interrupted(path: folder.path, round: SimulationRun.savedRound(in: folder))
        }
    }

    private static func line(of summary: RunSummary, folder: URL) -> String {
        var parts = ["\(summary.name) seed \(summary.seed): \(summary.rounds) rounds"]
        if let accuracy = summary.final?.accuracy {
            parts.append("accuracy \(percent(accuracy)) (best \(percent(summary.best?.accuracy ?? accuracy)))")
        } else if let loss = summary.final?.loss {
            parts.append("loss \(String(format: "%.4f", loss))")
        }
        parts.append(String(format: "%.1f s", summary.seconds))
        if summary.simulatedSeconds > 0 { parts.append("simulated \(Int(summary.simulatedSeconds)) s") }
        return parts.joined(separator: ", ") + "\n  \(folder.standardizedFileURL.path)"
    }

    private static func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
}
