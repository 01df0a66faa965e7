private import Foundation
private import Glibc

/// The exclusive right of one process to work in a client directory.
///
/// The kernel gives it up when the process ends, however it ends: nothing is left to clean after a crash.
package final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock of a client directory.
    ///
    /// - Throws: ``ClientError/directoryInUse(path:)`` when another process holds it.
    package init(of directory: ClientDirectory) throws {
        let path = directory.lockFile.path
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ClientError.cannotWrite(path: path, reason: SystemError.latest) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw ClientError.cannotWrite(path: path, reason: "error \(code)") }
            throw ClientError.directoryInUse(path: directory.url.path)
        }
        self.descriptor = descriptor
    }

    deinit { Self.release(descriptor) }

    /// Whether a running process holds the lock of `directory`.
    package static func isHeld(of directory: ClientDirectory) -> Bool {
        let descriptor = open(directory.lockFile.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { release(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    /// Gives up a lock at once: closing alone would leave it to a trainer that is just being started, for as long as that has
    /// a copy of the descriptor.
    private static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
