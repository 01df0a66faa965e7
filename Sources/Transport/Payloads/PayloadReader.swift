import Crypto
import Foundation
import Glibc
package import NIOCore
import NIOFoundationCompat
package import WireProtocol

/// Reads one stored payload from an offset to its end.
package actor PayloadReader {
    package nonisolated let byteCount: UInt64
    /// The offset of the next byte.
    package private(set) var offset: UInt64

    private let file: String
    private let handle: FileHandle
    /// What the system copies into, on the way to a buffer; has room from the first read on.
    private var bytes: [UInt8] = []
    /// Where a task is best that reads piece by piece.
    package nonisolated let executor: PayloadExecutor

    /// How many bytes the system is asked for at a time.
    private static let longestRead = 1 << 20

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(file: String, digest: PayloadDigest, from offset: UInt64) async throws {
        guard let handle = try? DurableFile.open(file, O_RDONLY) else { throw PayloadError.missing(digest) }
        let byteCount = try handle.seekToEnd()
        guard offset <= byteCount else { throw PayloadError.beyondStored(offset: offset, byteCount: byteCount) }
        try handle.seek(toOffset: offset)
        self.handle = handle
        self.byteCount = byteCount
        self.offset = offset
        self.file = file
        self.executor = PayloadExecutor(label: "payload.read")
    }

    /// Reads the next bytes, as many as there are up to `count`; none at the end.
    package func read(atMost count: Int) throws -> ByteBuffer {
        let wanted = Int(min(UInt64(count), byteCount - offset))
        guard wanted > 0 else { return ByteBuffer() }
        // A file handle would read a page at a time, into memory that is new each time.
        if bytes.count < min(wanted, Self.longestRead) {
            bytes = [UInt8](repeating: 0, count: min(wanted, Self.longestRead))
        }
        var buffer = ChunkBuffers.shared.take()
        buffer.reserveCapacity(wanted)
        while buffer.readableBytes < wanted {
            let missing = wanted - buffer.readableBytes
            let found = Glibc.read(handle.fileDescriptor, &bytes, min(missing, bytes.count))
            if found < 0, errno == EINTR { continue }
            guard found >= 0 else { throw PayloadError.file(FileError(.read, file)) }
            guard found > 0 else {
                let end = offset + UInt64(buffer.readableBytes)
                throw PayloadError.beyondStored(offset: offset + UInt64(wanted), byteCount: end)
            }
            buffer.writeBytes(bytes[..<found])
        }
        ChunkBuffers.shared.remember(buffer)
        offset += UInt64(wanted)
        return buffer
    }

    /// Reads the rest of the payload, and returns what it hashes to.
    package func digestOfRest() throws -> PayloadDigest {
        var hash = SHA256()
        while offset < byteCount {
            hash.update(data: try read(atMost: FrameLimits.defaultChunkBytes).readableBytesView)
        }
        return PayloadDigest(hash.finalize())
    }
}
