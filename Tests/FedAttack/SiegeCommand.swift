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

    @Option(help: "How many rounds are measured in peace, and when all sockets have come.")
    var rounds = 5

    func run() async throws {
        let siege = Siege(sockets: sockets, members: members, program: ServerOptions.ownProgram)
        let report = try await AttackField.with(options.launch, training: .seconds(training)) { field in
            try await siege.run(on: field, rounds: rounds)
        }
        let (peace, growth) = (Figures(report.peace), report.peak - report.before)
        Output.line(
            "claims of 2 GiB: \(report.claims) of \(sockets), by \(members == 0 ? "strangers" : "\(members) members"), "
                + "in \(Figures.text(report.arrivalSeconds)) s"
        )
        Output.line("round in peace: \(peace)")
        var isHeld = growth <= 512 << 20
        for (moment, seconds) in [("while they come", report.arrival), ("when they have come", report.siege)] {
            let figures = Figures(seconds)
            let ratio = figures.median / peace.median
            Output.line("\(moment): \(figures); median ratio \(Figures.text(ratio))")
            if ratio > 1.2 { isHeld = false }
        }
        Output.line(
            "server: \(report.before >> 20) MiB before, \(report.peak >> 20) MiB at most, growth \(growth >> 20) MiB"
        )
        guard isHeld else { throw ExitCode.failure }
    }
}
