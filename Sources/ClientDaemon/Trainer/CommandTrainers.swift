package import FederatedLearning
package import Foundation
package import Logging
private import ServiceLifecycle

/// Gives the trainer that is a program of the data steward's choice, for every base model that an order names.
///
/// The digest of the weights is compared here, before the program is told where they are: whether a job's base model is
/// the right one is not for the program to say.
package struct CommandTrainers: TrainerProvider, Service {
    private let host: TrainerHost
    private let folder: TrainerFolder
    private let library: ModelLibrary
    private let data: URL
    private let client: String
    private let retries: Int
    private let logger: Logger
    private let digests = ModelDigests()

    /// Creates a provider that has started nothing yet.
    ///
    /// - Parameters:
    ///   - settings: The program and its limits.
    ///   - directory: The client's directory, in which the program gets a folder.
    ///   - library: Where base models may be.
    ///   - data: The silo's data file, which the program reads.
    ///   - client: The client's name, on which seeds depend.
    ///   - threads: How many threads the program may use.
    ///   - logger: Where its standard error, and what happens to it, go.
    package init(
        settings: TrainerSettings,
        directory: ClientDirectory,
        library: ModelLibrary,
        data: URL,
        client: String,
        threads: Int,
        logger: Logger
    ) {
        self.folder = TrainerFolder(directory)
        self.host = TrainerHost(settings: settings, folder: folder, threads: threads, logger: logger)
        self.library = library
        self.data = data
        self.client = client
        self.retries = settings.retries
        self.logger = logger
    }

    /// Keeps the program until a graceful shutdown; it has to run for ``trainer(for:)`` to return.
    package func run() async throws { try await host.run() }

    /// Starts the program, and returns what it says of itself.
    ///
    /// - Throws: ``TrainerError``.
    package func introduction() async throws -> TrainerCapabilities { try await host.ready() }

    package func prepare() async throws { _ = try await introduction() }

    package func trainer(for order: WorkOrder) async throws -> ResidentModel {
        let assignment = order.assignment
        let model = try await library.directory(for: assignment.model, digest: assignment.modelDigest) {
            try await digests.digest(of: $0)
        }
        return ResidentModel(
            digest: assignment.modelDigest,
            trainer: CommandTrainer(
                host: host,
                folder: folder,
                model: model,
                data: data,
                client: client,
                retries: retries,
                logger: logger
            ),
            tasks: try await host.ready().tasks
        )
    }
}
