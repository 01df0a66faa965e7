import ArgumentParser
private import AttackSuite

/// Measures a server while thousands of sockets claim 2 GiB each.
struct SiegeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "siege",
        abstract: "Have sockets claim frames of 2 GiB, and measure the server's memory and honest rounds."
    )

    @OptionGroup var options: ServerOptions

    @Option(help: "How many sockets.")
    var sockets = 10_000

    @Option(help: "How many enrolled clients they belong to; 0 for strangers.")
    var members = 100

    @Option(help: "How many seconds honest clients train, as they would on machines of their own.")
    var training = 2.0

    @Option(help: "How many rounds are measured in peace, and at least in the siege.")
    var rounds = 5

    func run() async throws {
        let report = try await AttackField.with(options.launch, training: .seconds(training)) { field in
            try await Siege(sockets: sockets, members: members).run(on: field, rounds: rounds)
        }
        let (peace, siege) = (Figures(report.peace), Figures(report.siege))
        let growth = report.peak - report.before
        Output.line(
            "claims of 2 GiB: \(report.claims) of \(sockets), by \(members == 0 ? "strangers" : "\(members) members")"
        )
        Output.line(
            "round in peace: \(peace); in the siege: \(siege); median ratio \(Figures.text(siege.median / peace.median))"
        )
        Output.line(
            "server: \(report.before >> 20) MiB before, \(report.peak >> 20) MiB at most, growth \(growth >> 20) MiB"
        )
        guard growth <= 512 << 20, siege.median <= 1.2 * peace.median else { throw ExitCode.failure }
    }
}
