import Foundation
private import Glibc

/// Files between this client and a trainer, which nobody needs after a crash.
///
/// Foundation's `Data.write(to:)` waits until the disk has the bytes, which takes longer than everything else that a request
/// costs; these files need not be there when the machine comes up again.
enum ScratchFile {
    /// Writes a file, for its owner to read and write, without waiting for the disk.
    ///
    /// - Throws: ``ClientError/cannotWrite(path:reason:)``, also where a link has the name.
    static func write(_ data: Data, to url: URL) throws(ClientError) {
        let descriptor = open(url.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .cannotWrite(path: url.path, reason: SystemError.latest) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: data)
            try file.close()
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }
}
