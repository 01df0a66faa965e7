import ArgumentParser
private import AttackSuite

/// Measures a server with thousands of clients that have nothing to do.
struct IdleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "Connect enrolled clients that have nothing to do, and measure the server's memory."
    )

    @OptionGroup var options: ServerOptions

    @Option(help: "How many clients.")
    var connections = 5000

    func run() async throws {
        let report = try await AttackField.with(options.launch) { field in
            try await IdleCrowd(connections: connections).run(on: field)
        }
        Output.line(
            "connected: \(report.connected); server: \(report.before >> 20) MiB before, \(report.after >> 20) MiB with them, \(report.peak >> 20) MiB at most"
        )
        guard report.after <= 500 << 20 else { throw ExitCode.failure }
    }
}
