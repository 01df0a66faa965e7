import Adapters
import ClientDaemon
import FederatedLearning
import Foundation
import InMemoryLogging
import Logging
import Synchronization
import TestSupport
import Testing
import Training

struct CheckpointFileTests {
    private static let data = ContentDigest(hashing: [7])

    private static func checkpoint(step: Int = 3, second: [Float] = [0.25, 0.5, 0.75]) -> TrainingCheckpoint {
        TrainingCheckpoint(
            step: step,
            values: [1, -2, .leastNonzeroMagnitude],
            moments: OptimizerMoments(first: [0.1, 0.2, 0.3], second: second),
            totals: .init(tokenCount: 99, lossSum: 1.0 / 3, latestLoss: 0.1, seconds: 2.5)
        )
    }

    private func kept(
        _ keeper: CheckpointFile,
        order: WorkOrder = Sample.order(),
        adapter: LoRAAdapter = .sample(),
        data: ContentDigest = data
    ) throws -> any TrainingCheckpoints {
        try #require(keeper.checkpoints(of: order, from: adapter, data: data))
    }

    @Test("finds again, in another process, where a training stood", arguments: [[0.25, 0.5, 0.75], []] as [[Float]])
    func latest(second: [Float]) async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("training.safetensors")
            let keeper = CheckpointFile(file, logger: .silent)
            #expect(try kept(keeper).latest() == nil)
            try kept(keeper).keep(Self.checkpoint(step: 2, second: second))
            try kept(keeper).keep(Self.checkpoint(second: second))
            let again = CheckpointFile(file, logger: .silent)
            #expect(try kept(again).latest() == Self.checkpoint(second: second))
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            again.remove()
            #expect(try kept(keeper).latest() == nil)
            again.remove()
        }
    }

    @Test("forgets what is of another order, adapter or data file")
    func others() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("training.safetensors")
            let keeper = CheckpointFile(file, logger: .silent)
            let others = [
                try kept(keeper, order: Sample.order(round: 2)),
                try kept(keeper, order: Sample.order(job: JobID(rawValue: "another"))),
                try kept(keeper, adapter: .sample(seed: 2)),
                try kept(keeper, data: ContentDigest(hashing: [8])),
            ]
            for other in others {
                try kept(keeper).keep(Self.checkpoint())
                #expect(other.latest() == nil)
                #expect(!FileManager.default.fileExists(atPath: file.path))
            }
        }
    }

    @Test("notices a turned bit in any byte, and every missing end")
    func damage() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("training.safetensors")
            let keeper = CheckpointFile(file, logger: .silent)
            try kept(keeper).keep(Self.checkpoint())
            let whole = try Data(contentsOf: file)
            for byte in whole.indices {
                var damaged = whole
                damaged[byte] ^= 1 << (byte % 8)
                try damaged.write(to: file)
                let found = try kept(keeper).latest()
                // Padding and the format's note say nothing; what is read is what was written.
                #expect(found == nil || found == Self.checkpoint(), "byte \(byte)")
            }
            for length in stride(from: 0, to: whole.count, by: 7) {
                try whole.prefix(length).write(to: file)
                #expect(try kept(keeper).latest() == nil, "\(length) bytes")
            }
        }
    }

    @Test("is due once an interval, the first of which begins with the training")
    func interval() async throws {
        try await withTemporaryDirectory { folder in
            let start = ContinuousClock.now
            let time = Mutex(start)
            let keeper = CheckpointFile(
                folder.appendingPathComponent("training.safetensors"),
                interval: .seconds(60),
                logger: .silent,
                now: { time.withLock { $0 } }
            )
            let training = try kept(keeper)
            var due: [Int] = []
            for second in stride(from: 0, through: 150, by: 10) {
                time.withLock { $0 = start + .seconds(second) }
                if training.isDue() { due.append(second) }
            }
            #expect(due == [60, 120])
        }
    }

    @Test("a disk that refuses is told of, and stops no training")
    func refused() throws {
        let log = InMemoryLogHandler()
        let keeper = CheckpointFile(
            URL(fileURLWithPath: "/nowhere/training.safetensors"),
            logger: Logger(label: "test") { _ in log }
        )
        let training = try kept(keeper)
        training.keep(Self.checkpoint())
        #expect(training.latest() == nil)
        let entry = try #require(log.entries.first)
        #expect(entry.level == .warning && "\(entry.metadata)".contains("/nowhere/"))
    }
}
