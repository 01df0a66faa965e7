/// What a file holds, as the disk and as programs see it.
struct FileImage {
    private enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(length: Int)
    }

    /// The unit in which a disk writes: of a write that a power cut interrupts, whole sectors are left.
    private static let sectorBytes = 512

    /// What a power cut leaves in any case.
    private var durable: [UInt8]
    /// What came after, in order.
    private var pending: [Change] = []
    /// What programs see, where that is more than what is or may come on the disk: since an fsync has failed.
    private var cached: [UInt8]?
    /// How long programs see it.
    private(set) var length: Int

    init(durable: [UInt8]) {
        self.durable = durable
        self.length = durable.count
    }

    private mutating func add(_ change: Change) {
        pending.append(change)
        if var seen = cached {
            cached = nil
            Self.apply(change, to: &seen)
            cached = seen
        }
        switch change {
        case .write(let offset, let bytes): length = max(length, offset + bytes.count)
        case .truncate(let newLength): length = newLength
        }
    }

    mutating func write(_ bytes: [UInt8], at offset: Int) { add(.write(offset: offset, bytes: bytes)) }

    mutating func truncate(to length: Int) { add(.truncate(length: length)) }

    /// Forces everything to disk.
    mutating func sync() {
        for change in pending { Self.apply(change, to: &durable) }
        pending = []
    }

    /// Has the disk forget what it was never forced to keep.
    ///
    /// Programs go on seeing it, and the next ``sync()`` finds nothing to do.
    mutating func losePending() {
        cached = content
        pending = []
    }

    /// What programs see.
    var content: [UInt8] {
        if let cached { return cached }
        var bytes = durable
        for change in pending { Self.apply(change, to: &bytes) }
        return bytes
    }

    /// What a power cut leaves: the durable part, a beginning of what came after, and perhaps a part of the next write.
    func remains(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        let count = Int.random(in: 0...pending.count, using: &generator)
        var bytes = durable
        for change in pending.prefix(count) { Self.apply(change, to: &bytes) }
        if count < pending.count, case .write(let offset, let written) = pending[count] {
            let sectors = Int.random(in: 0...written.count / Self.sectorBytes, using: &generator)
            let torn = Array(written.prefix(sectors * Self.sectorBytes))
            if !torn.isEmpty { Self.apply(.write(offset: offset, bytes: torn), to: &bytes) }
        }
        return bytes
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .write(let offset, let written):
            let missing = offset + written.count - bytes.count
            if missing > 0 { bytes.append(contentsOf: repeatElement(0, count: missing)) }
            bytes.withUnsafeMutableBufferPointer { target in
                written.withUnsafeBufferPointer { source in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    (to + offset).update(from: from, count: source.count)
                }
            }
        case .truncate(let length):
            if length < bytes.count {
                bytes.removeLast(bytes.count - length)
            } else {
                bytes.append(contentsOf: repeatElement(0, count: length - bytes.count))
            }
        }
    }
}
