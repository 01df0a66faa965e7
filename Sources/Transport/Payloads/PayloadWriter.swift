import Foundation
import Glibc
import WireProtocol

/// Stores payloads that are in memory, off the threads that other tasks share.
actor PayloadWriter {
    private let executor = PayloadExecutor(label: "payload.insert")

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func insert(_ bytes: Data, into folder: URL) throws(PayloadError) -> PayloadDigest {
        let digest = PayloadDigest(hashing: bytes)
        let file = folder.appendingPathComponent(digest.hexadecimal, isDirectory: false)
        guard !FileManager.default.fileExists(atPath: file.path) else { return digest }
        do throws(FileError) {
            try DurableFile.replace(file, with: bytes, permissions: 0o600)
        } catch {
            throw .file(error)
        }
        return digest
    }
}
