import Crypto
import LinearAlgebra

/// One state in which a crash can leave the disk.
struct CrashState: Sendable {
    /// After how many operations the crash came.
    let moment: Int
    let image: DiskImage
    /// How much had been acknowledged.
    let acknowledged: Int
    /// What became of the operations that were not yet forced to disk.
    let fate: String
}

/// Enumerates the states in which a crash can leave the disk, after every operation of a recording.
///
/// An operation is durable when its file, or for names their folder, was forced to disk after it. Of the others, a crash
/// keeps any and loses any: the disk may write them in any order. A write may be cut at every 512 bytes, which is a
/// sector, or 4096, which is a page; and its length may be kept without its bytes. Every single loss, every single survivor,
/// every order-preserving beginning and end, every cut of every write, and some random selections are taken.
struct CrashStates {
    private let operations: [DiskOperation]
    private let randomSelections: Int

    init(of operations: [DiskOperation], randomSelections: Int = 4) {
        self.operations = operations
        self.randomSelections = randomSelections
    }

    /// How many states differ from all earlier ones in what is on the disk or in what had been acknowledged.
    func count(seed: UInt64) async throws -> Int {
        var count = 0
        try await forEach(seed: seed) { _ in count += 1 }
        return count
    }

    /// Passes on every state that differs from all earlier ones in what is on the disk or in what had been acknowledged.
    func forEach(seed: UInt64, _ body: (CrashState) async throws -> Void) async throws {
        var generator = CounterGenerator(seed: seed)
        var seen: Set<[UInt8]> = []
        var durable = DiskImage()
        var pending: [DiskOperation] = []
        var acknowledged = 0
        for moment in 0...operations.count {
            for (fate, survivors) in selections(of: pending, using: &generator) {
                var image = durable
                for operation in survivors { image.apply(operation) }
                let identity = Array(image.fingerprint) + [UInt8](String(acknowledged).utf8)
                guard seen.insert(identity).inserted else { continue }
                try await body(CrashState(moment: moment, image: image, acknowledged: acknowledged, fate: fate))
            }
            guard moment < operations.count else { break }
            switch operations[moment] {
            case .acknowledge(let number): acknowledged = number + 1
            case .sync(let file): settle(.content(file: file), of: &pending, in: &durable)
            case .syncFolder(let folder): settle(.names(folder: folder), of: &pending, in: &durable)
            case let operation: Self.add(operation, to: &pending)
            }
        }
    }

    private func settle(_ scope: DiskOperation.Scope, of pending: inout [DiskOperation], in durable: inout DiskImage) {
        for operation in pending where operation.scope == scope { durable.apply(operation) }
        pending.removeAll { $0.scope == scope }
    }

    /// Of writes to one place that is never forced to disk, the last two are kept: what is older is under both.
    private static func add(_ operation: DiskOperation, to pending: inout [DiskOperation]) {
        if case .write(let file, let offset, let bytes) = operation {
            let same = pending.indices.filter { index in
                guard case .write(file, offset, let other) = pending[index] else { return false }
                return other.count == bytes.count
            }
            if same.count > 1, let oldest = same.first { pending.remove(at: oldest) }
        }
        pending.append(operation)
    }

    // MARK: - What survives

    private func selections(
        of pending: [DiskOperation],
        using generator: inout CounterGenerator
    ) -> [(fate: String, survivors: [DiskOperation])] {
        var result: [(String, [DiskOperation])] = [("all survive", pending), ("none survives", [])]
        for (index, operation) in pending.enumerated() {
            var others = pending
            others.remove(at: index)
            result.append(("\(index) is lost", others))
            result.append(("only \(index) survives", [operation]))
            result.append(("the first \(index) survive", Array(pending[..<index])))
            result.append(("all from \(index) on survive", Array(pending[index...])))
            for (cut, rest) in Self.cuts(of: operation) {
                var torn = pending
                torn[index] = rest
                result.append(("\(index) is cut: \(cut)", torn))
                result.append(("\(index) is the last, and cut: \(cut)", Array(torn[...index])))
            }
        }
        for _ in 0..<(pending.count > 2 ? randomSelections : 0) {
            let chosen = pending.filter { _ in generator.next() & 1 == 0 }
            result.append(("a random selection survives", chosen))
        }
        return result
    }

    /// What may be left of one write.
    private static func cuts(of operation: DiskOperation) -> [(String, DiskOperation)] {
        guard case .write(let file, let offset, let bytes) = operation else { return [] }
        var result: [(String, DiskOperation)] = [
            ("its length alone", .extend(file: file, length: offset + bytes.count))
        ]
        for unit in [512, 4096] where bytes.count > unit {
            for cut in Set([unit, (bytes.count - 1) / unit * unit]).sorted() {
                result.append(("to \(cut)", .write(file: file, offset: offset, bytes: Array(bytes[..<cut]))))
                result.append(("from \(cut)", .write(file: file, offset: offset + cut, bytes: Array(bytes[cut...]))))
            }
        }
        return result
    }
}
