import Crypto
package import Foundation
import Glibc
package import WireProtocol

/// A file's length and SHA-256.
package struct FileSummary: Sendable, Hashable {
    package let byteCount: UInt64
    package let digest: PayloadDigest
}

extension DurableFile {
    private static let pieceBytes = 1 << 20

    /// Copies a file, forces the copy and its name to disk, and says what was copied.
    ///
    /// - Parameters:
    ///   - source: The file to read.
    ///   - destination: The file to make; nothing is there, and its folder exists.
    ///   - permissions: The copy's mode, from its first moment.
    /// - Returns: What was read and written.
    /// - Throws: ``FileError``; what was written so far stays then.
    package static func copy(
        _ source: URL,
        to destination: URL,
        permissions: Int = 0o600
    ) throws(FileError) -> FileSummary {
        let path = destination.path
        let copy = try create(path, permissions: permissions)
        let summary = try read(source) { piece throws(FileError) in
            try write(piece, to: copy, named: path)
        }
        try sync(copy, named: path)
        try syncFolder(of: path)
        return summary
    }

    /// Forces a file that somebody else wrote to disk, and says what is in it.
    package static func settle(_ file: URL) throws(FileError) -> FileSummary {
        try sync(try open(file.path, O_RDONLY), named: file.path)
        try syncFolder(of: file)
        return try summary(of: file)
    }

    /// Says what is in a file.
    package static func summary(of file: URL) throws(FileError) -> FileSummary {
        try read(file) { _ throws(FileError) in }
    }

    private static func read(
        _ file: URL,
        _ use: (Data) throws(FileError) -> Void
    ) throws(FileError) -> FileSummary {
        let path = file.path
        let handle = try open(path, O_RDONLY)
        var hash = SHA256()
        var byteCount: UInt64 = 0
        while true {
            let piece: Data
            do {
                piece = try handle.read(upToCount: pieceBytes) ?? Data()
            } catch {
                throw FileError(.read, path, underlying: error)
            }
            guard !piece.isEmpty else { break }
            hash.update(data: piece)
            byteCount += UInt64(piece.count)
            try use(piece)
        }
        return FileSummary(byteCount: byteCount, digest: PayloadDigest(hash.finalize()))
    }
}
