internal import Foundation
private import Glibc

/// The right to run a server on a state directory, held as long as the value lives.
///
/// The lock belongs to the open file: the system takes it back when the process ends, however it ends.
package final class StateDirectoryLock: Sendable {
    private let descriptor: CInt

    /// Takes the lock that `file` stands for.
    ///
    /// - Throws: ``CoordinatorError/alreadyRunning(path:process:)`` when another process holds it.
    init(file: URL) throws {
        let descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(file) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error =
                errno == EWOULDBLOCK
                ? CoordinatorError.alreadyRunning(
                    path: file.deletingLastPathComponent().path,
                    process: Self.holder(of: file)
                )
                : Self.failure(file)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        // For the message of the one who comes second; the lock itself needs no content.
        if ftruncate(descriptor, 0) == 0 {
            try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
                .write(contentsOf: Data("\(getpid())\n".utf8))
        }
    }

    deinit { Self.release(descriptor) }

    /// Whether a server holds the lock now.
    static func isHeld(_ file: URL) -> Bool {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { release(descriptor) }
        // Shared, so that two who ask at once do not take each other for a server.
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Gives the lock up at once: closing alone would leave it to a process that is just being started, for as long as that
    /// has a copy of the descriptor.
    private static func release(_ descriptor: CInt) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func holder(of file: URL) -> Int32? {
        (try? String(contentsOf: file, encoding: .utf8)).flatMap {
            Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    private static func failure(_ file: URL) -> CoordinatorError {
        .fileFailed(path: file.path, action: .lock, reason: String(cString: strerror(errno)))
    }
}
