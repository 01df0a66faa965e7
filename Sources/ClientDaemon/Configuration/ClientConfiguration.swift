package import Foundation

/// What a data steward lends to the federation: the content of `client.yaml`.
package struct ClientConfiguration: Hashable, Sendable {
    /// Where the federation listens; `join` writes it.
    package var server: ServerAddress?
    /// The data file that the trainer reads.
    package var data: URL?
    /// Base model directories, by the name that jobs give them.
    package var models: [String: URL]
    /// The largest rank that this silo trains.
    package var maximumRank: Int
    /// Labels such as `site: berlin`, by which jobs may choose; the server sees them.
    package var tags: [String: String]
    /// How many threads training may use.
    package var threads: Int
    /// What may be released of this silo's data, over all jobs; `nil` for no limit of its own.
    package var privacyLimit: PrivacyLimit?
    /// The program that trains; `nil` for the native trainer.
    package var trainer: TrainerSettings?

    /// A silo's own limit.
    package struct PrivacyLimit: Hashable, Sendable {
        /// The largest ε, above 0.
        package var epsilon: Double
        /// The δ at which it counts, in (0, 1).
        package var delta: Double

        package init(epsilon: Double, delta: Double) {
            self.epsilon = epsilon
            self.delta = delta
        }
    }

    package static let ranks = 1...1024
    package static let threadCounts = 1...256

    package init(
        server: ServerAddress? = nil,
        data: URL? = nil,
        models: [String: URL] = [:],
        maximumRank: Int = 64,
        tags: [String: String] = [:],
        threads: Int = 1,
        privacyLimit: PrivacyLimit? = nil,
        trainer: TrainerSettings? = nil
    ) {
        self.trainer = trainer
        self.privacyLimit = privacyLimit
        self.server = server
        self.data = data
        self.models = models
        self.maximumRank = maximumRank
        self.tags = tags
        self.threads = threads
    }
}

/// A host and a port.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
