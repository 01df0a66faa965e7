import Foundation
import Glibc
package import NIOCore
import NIOFoundationCompat
import WireProtocol

/// Reads one stored payload from an offset to its end.
package actor PayloadReader {
    package let byteCount: UInt64
    /// The offset of the next byte.
    package private(set) var offset: UInt64

    private let file: URL
    private let handle: FileHandle
    private let executor: PayloadExecutor

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(file: URL, digest: PayloadDigest, from offset: UInt64) async throws {
        guard let byteCount = PayloadStore.length(of: file) else { throw PayloadError.missing(digest) }
        guard offset <= byteCount else { throw PayloadError.beyondStored(offset: offset, byteCount: byteCount) }
        do throws(FileError) {
            self.handle = try DurableFile.open(file, O_RDONLY)
        } catch {
            throw PayloadError.file(error)
        }
        try handle.seek(toOffset: offset)
        self.byteCount = byteCount
        self.offset = offset
        self.file = file
        self.executor = PayloadExecutor(label: "payload.read")
    }

    /// Reads the next bytes, as many as there are up to `count`; none at the end.
    package func read(atMost count: Int) throws -> ByteBuffer {
        let wanted = min(UInt64(count), byteCount - offset)
        guard wanted > 0 else { return ByteBuffer() }
        let data: Data
        do {
            data = try handle.read(upToCount: Int(wanted)) ?? Data()
        } catch {
            throw PayloadError.file(FileError(.read, file, underlying: error))
        }
        guard data.count == Int(wanted) else {
            throw PayloadError.beyondStored(offset: offset + wanted, byteCount: offset + UInt64(data.count))
        }
        offset += wanted
        return ByteBuffer(data: data)
    }
}
