import Foundation
import Glibc
import WireProtocol

/// Stores payloads that are in memory, off the threads that other tasks share.
actor PayloadWriter {
    private let executor = PayloadExecutor(label: "payload.insert")

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func insert(_ bytes: Data, into folder: String) throws(PayloadError) -> PayloadDigest {
        let digest = PayloadDigest(hashing: bytes)
        let file = "\(folder)/\(digest.hexadecimal)"
        guard !DurableFile.exists(file) else {
            try settle(file)
            return digest
        }
        do throws(FileError) {
            try DurableFile.replace(file, with: bytes, permissions: 0o600)
        } catch {
            throw .file(error)
        }
        return digest
    }

    /// Forces the name of a file to disk, which another task may be about to do.
    func settle(_ file: String) throws(PayloadError) {
        do throws(FileError) {
            try DurableFile.syncFolder(of: file)
        } catch {
            throw .file(error)
        }
    }
}
