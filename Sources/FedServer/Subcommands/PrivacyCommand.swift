import ArgumentParser

struct PrivacyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "privacy",
        abstract: "Plan how much noise a job needs, and see what it has cost.",
        subcommands: [PrivacyPlanCommand.self, PrivacyStatusCommand.self]
    )
}
