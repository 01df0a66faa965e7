import ArgumentParser
private import AttackSuite

/// Measures a round of thousands of clients.
struct CrowdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Have thousands of tiny clients do one round, and measure how long it takes."
    )

    @OptionGroup var options: ServerOptions

    @Option(help: "How many clients.")
    var clients = 10_000

    @Option(help: "How long the round may take, in seconds.")
    var limit = 30.0

    func run() async throws {
        let report = try await AttackField.with(options.launch) { field in
            try await Crowd(clients: clients).run(on: field)
        }
        let (round, job) = (Figures.text(report.seconds), Figures.text(report.whole))
        Output.line(
            "\(report.counted) clients counted; round: \(round) s; job: \(job) s; server: \(report.memory.peak >> 20) MiB at most"
        )
        guard report.counted == clients, report.seconds <= limit else { throw ExitCode.failure }
    }
}
