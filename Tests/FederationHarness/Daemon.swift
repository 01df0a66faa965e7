package import ClientDaemon
package import FederatedLearning
private import Logging
private import Transport

/// A client daemon in this process.
package final class Daemon: Sendable {
    /// What happens to it.
    package let events: AsyncStream<ClientEvent>
    private let run: Task<Void, any Error>

    /// Starts a daemon on a joined directory, which writes into `log` if there is one.
    package init(
        _ directory: ClientDirectory,
        rank: Int = 8,
        policy: SiloPolicy = .open,
        log: LiveLog? = nil,
        trainers: (Membership) -> any TrainerProvider
    ) throws {
        var configuration = try ConfigurationFile.read(from: directory)
        configuration.maximumRank = rank
        let membership = try Membership(of: directory, configuration: configuration)
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        let client = FederationClient(
            directory: directory,
            configuration: configuration,
            policy: policy,
            membership: membership,
            trainers: trainers(membership),
            backoff: ReconnectBackoff(first: .milliseconds(5), longest: .milliseconds(100)),
            logger: log.map(Self.logger) ?? .silent,
            log: log,
            observe: { continuation.yield($0) }
        )
        self.events = events
        self.run = Task {
            defer { continuation.finish() }
            try await client.run()
        }
    }

    /// Starts a daemon that does all its work with one trainer.
    package convenience init(
        _ directory: ClientDirectory,
        rank: Int = 8,
        policy: SiloPolicy = .open,
        log: LiveLog? = nil,
        trainer: any LocalTrainer
    ) throws {
        try self.init(directory, rank: rank, policy: policy, log: log) { _ in FixedTrainer(trainer: trainer) }
    }

    private static func logger(copyingTo log: LiveLog) -> Logger {
        Logger(label: "test") { _ in LiveLogHandler(SilentLogHandler(), copyingTo: log) { "now" } }
    }

    /// Waits for the first event that `select` maps to a value.
    package func first<Value>(_ select: (ClientEvent) -> Value?) async throws -> Value {
        for await event in events {
            if let value = select(event) { return value }
        }
        try await run.value
        throw Federation.Failure(text: "The daemon ended before what was waited for.")
    }

    /// Ends it without a word to the server, as a kill does, and waits until it is gone.
    package func kill() async {
        run.cancel()
        _ = try? await run.value
    }

    /// Waits until it ends by itself, and returns why.
    package func reasonToEnd() async -> (any Error)? {
        do {
            try await run.value
            return nil
        } catch {
            return error
        }
    }
}

/// Takes messages of the usual levels, and writes them nowhere.
private struct SilentLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {}
}
