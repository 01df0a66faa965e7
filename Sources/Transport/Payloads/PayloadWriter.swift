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
        guard !DurableFile.exists(file) else { return digest }
        do throws(FileError) {
            try DurableFile.replace(file, with: bytes, permissions: 0o600)
        } catch {
            throw .file(error)
        }
        return digest
    }
}
