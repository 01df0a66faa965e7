import ArgumentParser
import Coordinator
import FederatedLearning
import Foundation
import Terminal

struct JobWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Show a job round by round until it is over.",
        discussion: """
            Exit code 0 when the job has finished, 1 when it failed or was cancelled, 3 when its privacy budget did not cover \
            another round.
            """
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        let stored = try await directory.openStore().jobs.report(of: job.id)
        var table: RoundTable?
        guard !stored.summary.phase.isFinal else {
            for round in stored.completeRounds { try show(round, of: stored.summary, in: &table) }
            return try conclude(stored)
        }
        for try await event in try state.runningServer().events(of: job.id) {
            switch event {
            case .round(let round): try show(round, of: stored.summary, in: &table)
            case .phase(let report) where report.summary.phase.isFinal: return try conclude(report)
            case .phase: break
            }
        }
        throw CoordinatorError.serverStopped(job.id)
    }

    /// Prints a round's row, after the header when it is the first.
    private func show(_ round: RoundReport, of job: JobSummary, in table: inout RoundTable?) throws {
        if table == nil {
            let new = RoundTable(silos: round.silos.keys.sorted(), showsEpsilon: job.isCharged)
            print(new.header)
            table = new
        }
        if let line = table?.line(round) { print(line) }
        // Into a pipe or a file, rows are wanted as they come, too.
        guard StandardOutput.flush() else { throw ExitCode.failure }
    }

    private func conclude(_ report: JobReport) throws {
        if let (before, after) = report.evaluations {
            print("")
            for line in RoundTable.comparison(before: before, after: after) { print(line) }
        }
        if !report.traffic.isEmpty {
            print("")
            for (client, traffic) in report.traffic.sorted(by: { $0.key < $1.key }) {
                print("\(client): \(Printed.bytes(traffic.up)) up, \(Printed.bytes(traffic.down)) down")
            }
        }
        guard report.summary.phase != .finished else { return }
        let reason = report.summary.reason ?? "See the server's log."
        let ending =
            switch report.summary.phase {
            case .budgetExhausted: "has exhausted its privacy budget"
            case .cancelled: "was cancelled"
            case .pending, .running, .finished, .failed: "failed"
            }
        StandardError.write("fed-server: The job \(ending). \(reason)")
        let status: ExitStatus = report.summary.phase == .budgetExhausted ? .refused : .failed
        throw ExitCode(status.rawValue)
    }
}
