package import Foundation
import Glibc
package import NIOCore
import NIOFoundationCompat
import Synchronization
package import WireProtocol

/// A folder of payloads, each named by its SHA-256: the disk end of every transfer.
///
/// ```
/// blobs/    HEX                  complete, verified, forced to disk
/// partial/  HEX.SENDER           the first bytes of a transfer that can be resumed
/// hold                           locked by who wants nothing to be removed for a while
/// ```
///
/// What is in `blobs` was hashed on the way in and is never changed. Partial files are kept per sender, so that nobody can
/// spoil another's transfer of the same payload, and a few of each sender: beginning what is never finished fills no disk.
package struct PayloadStore: Sendable {
    /// The sender under whose name this node keeps what it fetches for itself.
    package static let ownSender = "self"
    /// How many partial files are kept of one sender; the one that was begun first gives way.
    package static let partialsPerSender = 4

    // As paths: putting URLs together took a twentieth of a small federation's time.
    private let blobs: String
    private let partial: String
    private let holdFile: String
    private let receivers = ReceiverTable()
    private let partials: PartialTable

    /// Opens the store in `directory`, making its folders if they are not there.
    package init(directory: URL) throws {
        let root = directory.path
        self.blobs = "\(root)/blobs"
        self.partial = "\(root)/partial"
        self.holdFile = "\(root)/hold"
        for folder in [blobs, partial] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        self.partials = PartialTable(names: try FileManager.default.contentsOfDirectory(atPath: partial))
        // A crash may have come between a name and its way to the disk.
        try DurableFile.syncFolder(of: "\(blobs)/.")
    }

    // MARK: - Looking

    /// Whether the whole payload is here.
    package func contains(_ digest: PayloadDigest) -> Bool {
        DurableFile.exists(path(of: digest))
    }

    /// Whether the whole payload is here for good: whoever put it there may not have forced its name to disk yet.
    ///
    /// - Throws: ``PayloadError/file(_:)`` when that cannot be done.
    package func settles(_ digest: PayloadDigest) async throws -> Bool {
        guard contains(digest) else { return false }
        try await PayloadWriter().settle(path(of: digest))
        return true
    }

    /// Where the payload is, or would be.
    package func path(of digest: PayloadDigest) -> String { "\(blobs)/\(digest.hexadecimal)" }

    /// Where the payload is, or would be.
    package func url(of digest: PayloadDigest) -> URL {
        URL(fileURLWithPath: path(of: digest), isDirectory: false)
    }

    /// The length of a whole payload.
    ///
    /// - Throws: ``PayloadError/missing(_:)`` when it is not here.
    package func byteCount(of digest: PayloadDigest) throws -> Int {
        guard let byteCount = DurableFile.length(of: path(of: digest)) else { throw PayloadError.missing(digest) }
        return Int(byteCount)
    }

    /// How many bytes of a payload from `sender` are here: all of them when it is complete.
    package func offset(of digest: PayloadDigest, from sender: String = ownSender) throws -> UInt64 {
        if let whole = DurableFile.length(of: path(of: digest)) { return whole }
        return DurableFile.length(of: "\(partial)/\(try Self.partialName(of: digest, from: sender))") ?? 0
    }

    /// Every whole payload, in no particular order.
    package func digests() throws -> [PayloadDigest] {
        try FileManager.default.contentsOfDirectory(atPath: blobs).compactMap { PayloadDigest(hexadecimal: $0) }
    }

    // MARK: - Reading

    /// Reads a piece of a payload.
    ///
    /// - Parameters:
    ///   - digest: Names the payload.
    ///   - offset: Where the piece begins.
    ///   - count: How long it is at most; the result is shorter at the payload's end.
    /// - Returns: The bytes.
    /// - Throws: ``PayloadError/missing(_:)``, or ``PayloadError/beyondStored(offset:byteCount:)``.
    package func read(_ digest: PayloadDigest, from offset: UInt64, count: Int) async throws -> ByteBuffer {
        try await openReader(of: digest, from: offset).read(atMost: count)
    }

    /// Opens a payload for reading piece by piece.
    package func openReader(of digest: PayloadDigest, from offset: UInt64) async throws -> PayloadReader {
        try await PayloadReader(file: path(of: digest), digest: digest, from: offset)
    }

    // MARK: - Writing

    /// Begins or resumes to receive a payload.
    ///
    /// What an earlier transfer left is hashed again first. A receiver that is still at work on the same payload from the
    /// same sender is retired: its connection has been replaced.
    ///
    /// - Parameters:
    ///   - digest: What the content has to hash to.
    ///   - byteCount: The announced length.
    ///   - sender: Whose partial file to continue.
    ///   - maximum: The largest length that is taken.
    ///   - executor: Where the bytes are hashed and written: best where the task is that appends them.
    /// - Returns: A receiver that expects the bytes from its ``PayloadReceiver/offset`` on.
    /// - Throws: ``PayloadError`` when the length is zero or too large, or the disk fails.
    package func beginReceiving(
        _ digest: PayloadDigest,
        byteCount: UInt64,
        from sender: String = ownSender,
        maximum: UInt64,
        on executor: PayloadExecutor = PayloadExecutor(label: "payload.receive")
    ) async throws -> PayloadReceiver {
        guard byteCount > 0 else { throw PayloadError.empty }
        guard byteCount <= maximum else { throw PayloadError.tooLarge(byteCount: byteCount, limit: maximum) }
        let name = try Self.partialName(of: digest, from: sender)
        let excess = partials.begin(name, from: sender) { DurableFile.exists("\(partial)/\($0)") }
        for name in excess {
            await receivers.retire(name)
            unlink("\(partial)/\(name)")
        }
        let receiver = PayloadReceiver(
            digest: digest,
            byteCount: byteCount,
            partial: "\(partial)/\(name)",
            destination: path(of: digest),
            executor: executor
        )
        await receivers.replace(name, with: receiver)?.retire()
        try await receiver.open()
        return receiver
    }

    /// Stores a payload that is in memory, durably.
    ///
    /// - Parameter bytes: The content.
    /// - Returns: The digest that names it from now on.
    /// - Throws: ``PayloadError``.
    @discardableResult
    package func insert(_ bytes: Data) async throws -> PayloadDigest {
        guard !bytes.isEmpty else { throw PayloadError.empty }
        return try await PayloadWriter().insert(bytes, into: blobs)
    }

    /// Removes a payload, unless it is not here or somebody holds the folder (``hold()``).
    ///
    /// What stays because of that is the next sweep's to find.
    package func remove(_ digest: PayloadDigest) throws {
        let file = path(of: digest)
        do throws(FileError) {
            _ = try PayloadHold.unlessHeld(holdFile) { () throws(FileError) in
                guard unlink(file) == 0 || errno == ENOENT else { throw FileError(.remove, file) }
            }
        } catch {
            throw PayloadError.file(error)
        }
    }

    /// Keeps payloads from being removed, by this process or another, as long as the result lives.
    package func hold() throws -> PayloadHold {
        do throws(FileError) {
            return try PayloadHold(holdFile)
        } catch {
            throw PayloadError.file(error)
        }
    }

    /// Removes what insertions left that a crash interrupted.
    ///
    /// For the store's only process, before it inserts anything.
    package func removeLeftovers() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: blobs)
        where PayloadDigest(hexadecimal: name) == nil {
            let file = "\(blobs)/\(name)"
            guard unlink(file) == 0 || errno == ENOENT else { throw PayloadError.file(FileError(.remove, file)) }
        }
    }

    /// Removes what an unfinished transfer left.
    package func removePartial(of digest: PayloadDigest, from sender: String = ownSender) throws {
        let file = "\(partial)/\(try Self.partialName(of: digest, from: sender))"
        guard unlink(file) == 0 || errno == ENOENT else { throw PayloadError.file(FileError(.remove, file)) }
    }

    private static func partialName(of digest: PayloadDigest, from sender: String) throws(PayloadError) -> String {
        guard ClientName.isValid(sender) else { throw .invalidSender(sender) }
        return "\(digest.hexadecimal).\(sender)"
    }
}

/// Who is receiving what, so that at most one receiver writes a partial file.
private final class ReceiverTable: Sendable {
    private struct Entry {
        weak var receiver: PayloadReceiver?
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Puts `receiver` in charge of a file and returns the one that was.
    func replace(_ file: String, with receiver: PayloadReceiver) -> PayloadReceiver? {
        entries.withLock { entries in
            entries = entries.filter { $0.value.receiver != nil }
            let old = entries.updateValue(Entry(receiver: receiver), forKey: file)
            return old?.receiver
        }
    }

    /// Takes a file away from who is in charge of it.
    func retire(_ file: String) async {
        let receiver = entries.withLock { $0.removeValue(forKey: file)?.receiver }
        await receiver?.retire()
    }
}
