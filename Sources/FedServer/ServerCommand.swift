import ArgumentParser
import Coordinator
import Glibc
import Terminal

/// `fed-server`: its subcommands, and how it ends.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fed-server",
        abstract: "Fine-tunes language models with LoRA across data silos that keep their data.",
        version: Software.version,
        subcommands: [
            InitCommand.self, RunCommand.self, InviteCommand.self, ClientsCommand.self, ClientCommand.self,
            RevokeCommand.self,
            RotateAuthorityCommand.self, JobCommand.self, AuditCommand.self, BackupCommand.self, RestoreCommand.self,
            PrivacyCommand.self, AggregateCommand.self, AdapterCommand.self, DoctorCommand.self, SchemaCommand.self,
            MetricsTokenCommand.self,
        ]
    )
}

@main
enum Program {
    static func main() async {
        // What subcommands tell the server of this machine is for no proxy to see, the token least of all.
        setenv("no_proxy", "*", 1)
        do {
            var command = try ServerCommand.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            guard StandardOutput.flush() else { throw ExitCode.failure }
        } catch {
            ExitStatus.end(with: error)
        }
    }
}
