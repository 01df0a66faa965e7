import Crypto
import Foundation
import Glibc
package import NIOCore
import NIOFoundationCompat
package import WireProtocol

/// Takes one payload's bytes in order, hashing them on their way to disk.
///
/// ``finish()`` is the moment of truth: until it returns, nothing of the payload can be seen in the store.
package actor PayloadReceiver {
    /// How many bytes are handed to the disk at a time while the rest still arrives.
    ///
    /// Without it the kernel keeps everything in memory until the final fsync, which then takes as long as the transfer.
    private static let writeBehindBytes: UInt64 = 8 << 20

    private enum State {
        case idle
        case receiving(FileHandle, SHA256)
        case finished
        /// The partial file belongs to somebody else, or was discarded.
        case retired(PayloadError)
    }

    package let digest: PayloadDigest
    package let byteCount: UInt64
    /// The offset of the next byte.
    package private(set) var offset: UInt64 = 0

    private let partial: String
    private let destination: String
    private let executor: PayloadExecutor
    private var state = State.idle
    private var writtenBehind: UInt64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(digest: PayloadDigest, byteCount: UInt64, partial: String, destination: String, executor: PayloadExecutor) {
        self.digest = digest
        self.byteCount = byteCount
        self.partial = partial
        self.destination = destination
        self.executor = executor
    }

    /// Opens the partial file and hashes what it holds.
    func open() throws(PayloadError) {
        if case .retired(let reason) = state { throw reason }
        do throws(FileError) {
            let handle = try DurableFile.open(partial, O_RDWR | O_CREAT, permissions: 0o600)
            var hash = SHA256()
            offset = try hashExisting(in: handle, with: &hash)
            writtenBehind = offset
            state = .receiving(handle, hash)
        } catch {
            throw .file(error)
        }
    }

    /// Appends the next bytes.
    ///
    /// - Parameters:
    ///   - bytes: At least one byte.
    ///   - offset: Where they belong, which is where the last ones ended.
    /// - Throws: ``PayloadError`` when they are not the next ones or exceed the announced length; nothing is written then.
    package func append(_ bytes: ByteBuffer, at offset: UInt64) throws(PayloadError) {
        let (handle, hash) = try receiving()
        guard offset == self.offset else { throw .outOfOrder(expected: self.offset, found: offset) }
        guard UInt64(bytes.readableBytes) <= byteCount - offset else { throw .beyondEnd(byteCount: byteCount) }
        let data = Data(buffer: bytes, byteTransferStrategy: .noCopy)
        var updated = hash
        updated.update(data: data)
        do throws(FileError) {
            try DurableFile.write(data, to: handle, named: partial)
            self.offset += UInt64(bytes.readableBytes)
            state = .receiving(handle, updated)
            writeBehind(handle)
        } catch {
            state = .retired(.file(error))
            throw .file(error)
        }
    }

    /// Verifies the digest, makes the payload durable and puts it into the store.
    ///
    /// - Throws: ``PayloadError/wrongDigest(expected:found:)`` when the content is not what the digest names, and
    ///   nothing is kept of it; ``PayloadError/incomplete(offset:byteCount:)`` when bytes are missing.
    package func finish() throws(PayloadError) {
        let (handle, hash) = try receiving()
        guard offset == byteCount else { throw .incomplete(offset: offset, byteCount: byteCount) }
        let found = PayloadDigest(hash.finalize())
        guard found == digest else {
            unlink(partial)
            let error = PayloadError.wrongDigest(expected: digest, found: found)
            state = .retired(error)
            throw error
        }
        do throws(FileError) {
            try sync(handle)
            try DurableFile.move(partial, to: destination)
            state = .finished
        } catch {
            state = .retired(.file(error))
            throw .file(error)
        }
    }

    /// Forces the content to disk, or lets go of it.
    ///
    /// After a failed fsync the pages may be gone and count as written all the same: whoever resumed here would read good
    /// bytes from memory, and hear from the next fsync that all is well.
    private func sync(_ handle: FileHandle) throws(FileError) {
        do throws(FileError) {
            try DurableFile.sync(handle, named: partial)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Gives the partial file up to another receiver.
    func retire() {
        if case .finished = state { return }
        state = .retired(.superseded(digest))
    }

    private func receiving() throws(PayloadError) -> (FileHandle, SHA256) {
        switch state {
        case .receiving(let handle, let hash): return (handle, hash)
        case .retired(let reason): throw reason
        case .idle, .finished: throw .beyondEnd(byteCount: byteCount)
        }
    }

    /// Hashes what the file holds, and leaves the position at its end.
    private func hashExisting(in handle: FileHandle, with hash: inout SHA256) throws(FileError) -> UInt64 {
        do {
            var length: UInt64 = 0
            while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
                guard length + UInt64(data.count) <= byteCount else {
                    // Longer than announced, so it cannot be the beginning of this payload.
                    try handle.truncate(atOffset: 0)
                    hash = SHA256()
                    return 0
                }
                hash.update(data: data)
                length += UInt64(data.count)
            }
            return length
        } catch {
            throw FileError(.read, partial, underlying: error)
        }
    }

    /// Starts writing to disk what has arrived since the last time.
    ///
    /// Errors show at the final fsync.
    private func writeBehind(_ handle: FileHandle) {
        guard offset - writtenBehind >= Self.writeBehindBytes else { return }
        // "Not needed" makes the kernel write the range out now; a range that is still dirty stays in memory.
        _ = posix_fadvise(
            handle.fileDescriptor,
            off_t(writtenBehind),
            off_t(offset - writtenBehind),
            POSIX_FADV_DONTNEED
        )
        writtenBehind = offset
    }
}
