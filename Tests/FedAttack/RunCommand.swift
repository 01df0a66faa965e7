import ArgumentParser
private import AttackSuite

/// Runs attacks, and an honest round after each group.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run every attack, or those whose names contain one of the words."
    )

    @OptionGroup var options: ServerOptions

    @Flag(help: "Leave out what waits for one of the server's deadlines.")
    var short = false

    @Argument(help: "Parts of names.")
    var words: [String] = []

    func run() async throws {
        let begun = ContinuousClock.now
        var (held, failed) = (0, 0)
        let peak = try await AttackField.with(options.launch) { field in
            for group in AttackCatalogue.groups {
                let attacks = group.filter { attack in
                    !(short && attack.takesLong) && (words.isEmpty || words.contains { attack.name.contains($0) })
                }
                guard let name = attacks.first?.group else { continue }
                for attack in attacks {
                    do {
                        try await attack.run(in: field)
                        held += 1
                    } catch {
                        failed += 1
                        Output.line("FAILED \(attack.name): \(error)")
                    }
                }
                try await field.completeRound()
                let memory = try field.serverMemory()
                Output.line(
                    "\(name): \(attacks.count) attacks, then an honest round; server \(memory.resident >> 20) MiB"
                )
            }
            return try field.serverMemory().peak
        }
        let seconds = (ContinuousClock.now - begun) / .seconds(1)
        Output.line(
            "\(held) of \(held + failed) held in \(Int(seconds.rounded())) s; the server took \(peak >> 20) MiB at most"
        )
        if failed > 0 { throw ExitCode.failure }
    }
}
