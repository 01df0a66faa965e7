import ArgumentParser
import ClientDaemon
import Foundation
import Logging
import ServiceLifecycle
import Training
import Transport
import UnixSignals

/// Runs the daemon.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stay connected and train when the server asks, until SIGTERM or Ctrl-C.",
        discussion: """
            Flags win over client.yaml in the directory. With --join one command does what `join` and `run` do; given \
            again after that, it only runs.
            """
    )

    @OptionGroup var options: DirectoryOptions

    @Option(
        name: .customLong("join"),
        help: ArgumentHelp("Join with this string first, unless that is done.", valueName: "join-string")
    )
    var invitation: String?

    @Option(help: ArgumentHelp("The data of this silo, JSONL or CSV.", valueName: "file"))
    var data: String?

    @Option(
        name: .customLong("model"),
        help: ArgumentHelp("A base model's directory; may be given several times.", valueName: "folder")
    )
    var models: [String] = []

    @Option(help: ArgumentHelp("The largest adapter rank to train.", valueName: "rank"))
    var maxRank: Int?

    @Option(help: ArgumentHelp("How many threads training may use.", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "A program that trains in place of the native trainer, in one argument; protocol/TRAINER.md is its contract.",
            valueName: "command"
        )
    )
    var trainer: String?

    @Option(
        help: ArgumentHelp("From which level on to log: debug, info, warning or error.", valueName: "level"),
        transform: Self.logLevel
    )
    var logLevel = Logger.Level.info

    func validate() throws {
        if let maxRank, !ClientConfiguration.ranks.contains(maxRank) {
            throw ValidationError("--max-rank takes a number from 1 to \(ClientConfiguration.ranks.upperBound).")
        }
        if let threads, !ClientConfiguration.threadCounts.contains(threads) {
            throw ValidationError("--threads takes a number from 1 to \(ClientConfiguration.threadCounts.upperBound).")
        }
    }

    func run() async throws {
        let directory = options.directory
        let log = LiveLog()
        let logger = Logger.standardError(level: logLevel, copyingTo: log)
        if let invitation {
            if directory.isJoined {
                logger.info("The directory has joined already; the join string is not used")
            } else {
                let enrolment = try await Membership.join(invitation, directory: directory, logger: logger)
                logger.notice("Joined", metadata: ["name": "\(enrolment.name)"])
            }
        }
        guard directory.isJoined else { throw ClientError.notJoined(path: directory.url.path) }
        var configuration = try ConfigurationFile.read(from: directory)
        if let data { configuration.data = URL(fileURLWithPath: data) }
        if let maxRank { configuration.maximumRank = maxRank }
        if let threads { configuration.threads = threads }
        if let trainer {
            let folder = URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
            var settings = configuration.trainer ?? TrainerSettings(command: [])
            settings.command = try ConfigurationFile.trainerCommand(trainer, relativeTo: folder)
            configuration.trainer = settings
        }
        let membership = try Membership(of: directory, configuration: configuration)
        if try FileSystemKind(of: directory.url) != .local {
            logger.warning(
                "The directory is on no local disk; see `fed-client doctor`",
                metadata: ["dir": "\(options.path)"]
            )
        }
        guard let data = configuration.data else { throw ClientError.noData(path: directory.configurationFile.path) }
        let policy = try PolicyFile.read(from: directory)
        guard policy.allows(data: data) else {
            throw ClientError.dataNotAllowed(data: data.path, policy: directory.policyFile.path)
        }
        let library = ModelLibrary(
            named: configuration.models,
            directories: models.map { URL(fileURLWithPath: $0, isDirectory: true) }
        )
        let trainers: any TrainerProvider
        let checkpoints = CheckpointFile(directory.checkpointFile, logger: logger)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if let settings = configuration.trainer {
            let commands = CommandTrainers(
                settings: settings,
                directory: directory,
                library: library,
                data: data,
                client: membership.credentials.name,
                threads: configuration.threads,
                logger: logger
            )
            // Shut down after the client, which comes last.
            services.append(.init(service: commands))
            trainers = commands
        } else {
            // A broken file is told now, and not when the first round is under way.
            _ = try DataFile(contentsOf: data)
            trainers = NativeTrainers(
                library: library,
                data: data,
                client: membership.credentials.name,
                threads: configuration.threads,
                checkpoints: checkpoints
            )
        }
        let client = FederationClient(
            directory: directory,
            configuration: configuration,
            policy: policy,
            membership: membership,
            trainers: trainers,
            checkpoints: checkpoints,
            logger: logger,
            log: log
        )
        services.append(.init(service: client, successTerminationBehavior: .gracefullyShutdownGroup))
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: .standardError(level: .error)
            )
        )
        try await group.run()
    }

    private static func logLevel(_ name: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: name) else {
            throw ValidationError("There is no log level '\(name)'. Give debug, info, warning or error.")
        }
        return level
    }
}
