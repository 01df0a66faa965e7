package import Adapters
package import FederatedLearning
package import Foundation
private import Glibc
package import Logging
private import Synchronization
package import Training
private import Transport

/// Where the training at hand stands, on disk: a client that was ended in the middle of a long one goes on there.
///
/// There is one file, because a client trains one adapter at a time. It is written at most once an interval, is whole or
/// not there, and says which training it is of: another order, another adapter or other texts begin anew. It outlives a
/// withdrawal: a round that found too few updates is opened again, with the same order.
package struct CheckpointFile: Sendable {
    private let file: URL
    private let interval: Duration
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant

    /// Creates the keeper of a file, which need not be there.
    ///
    /// - Parameters:
    ///   - file: Where it is; its folder exists.
    ///   - interval: How much of a training may be lost.
    ///   - logger: Where it is told that a training goes on, and that the disk refuses.
    ///   - now: The time.
    package init(
        _ file: URL,
        interval: Duration = .seconds(60),
        logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.file = file
        self.interval = interval
        self.logger = logger
        self.now = now
    }

    /// Keeps the training of one order.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - adapter: What the training starts from.
    ///   - data: The digest of the silo's data file.
    /// - Returns: Where it is kept; `nil` when it cannot be named.
    package func checkpoints(
        of order: WorkOrder,
        from adapter: LoRAAdapter,
        data: ContentDigest
    ) -> (any TrainingCheckpoints)? {
        guard let identity = try? Self.identity(of: order, from: adapter, data: data) else { return nil }
        return KeptTraining(identity: identity, keeper: self)
    }

    /// Forgets the training, whose result is safe elsewhere.
    package func remove() { unlink(file.path) }

    /// Names a training by all that it follows from.
    private static func identity(
        of order: WorkOrder,
        from adapter: LoRAAdapter,
        data: ContentDigest
    ) throws -> ContentDigest {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let adapter = ContentDigest(hashing: AdapterPayload.bytes(of: adapter))
        return ContentDigest(hashing: Data("\(data)\(adapter)".utf8) + (try encoder.encode(order)))
    }

    /// One training's view of the file.
    private final class KeptTraining: TrainingCheckpoints {
        private let identity: ContentDigest
        private let keeper: CheckpointFile
        private let throttle: Mutex<Throttle>

        init(identity: ContentDigest, keeper: CheckpointFile) {
            self.identity = identity
            self.keeper = keeper
            var throttle = Throttle(interval: keeper.interval)
            // The first interval begins now.
            _ = throttle.admits(at: keeper.now())
            self.throttle = Mutex(throttle)
        }

        func latest() -> TrainingCheckpoint? {
            guard FileManager.default.fileExists(atPath: keeper.file.path) else { return nil }
            guard let checkpoint = try? CheckpointDocument.read(keeper.file, of: identity) else {
                keeper.remove()
                return nil
            }
            keeper.logger.info("The training goes on where it stood", metadata: ["steps taken": "\(checkpoint.step)"])
            return checkpoint
        }

        func isDue() -> Bool { throttle.withLock { $0.admits(at: keeper.now()) } }

        func keep(_ checkpoint: TrainingCheckpoint) {
            let document = CheckpointDocument.bytes(of: checkpoint, of: identity)
            do {
                try DurableFile.replace(keeper.file, with: Data(document), permissions: 0o600)
            } catch {
                keeper.logger.warning(
                    "The training cannot be kept while it lasts, and would begin again after an end",
                    metadata: ["problem": "\(error)"]
                )
            }
        }
    }
}
