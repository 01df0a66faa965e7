import ArgumentParser
import FederatedLearning
import Foundation
import Simulation

/// Runs an experiment, or a sweep of them, and writes tables, adapter and report.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run an experiment and write its tables, its adapter and a report.",
        discussion: "A run that was interrupted goes on where it was when it is started again with the same folder."
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
            let meter = ProgressMeter(name: run.name ?? run.experiment.job.name)
            let world = try await bench.world(for: run.experiment)
            let simulation = SimulationRun(run.experiment, text: run.text, in: folder, world: world) { meter.show($0) }
            let summary: RunSummary
            do {
                summary = try await simulation.run()
            } catch {
                meter.end()
                throw error
            }
            meter.end()
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
