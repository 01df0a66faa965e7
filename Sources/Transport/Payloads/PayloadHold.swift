import Glibc

/// The promise that nothing is removed from a payload folder, held as long as the value lives.
///
/// For whoever reads the folder beside the process that works in it: what was needed when the hold was taken is there until
/// it is let go. The system takes it back when the process ends, however it ends.
package final class PayloadHold: Sendable {
    private let descriptor: CInt

    /// Waits while somebody removes, which takes no longer than one unlink, and holds `file`.
    init(_ file: String) throws(FileError) {
        do throws(FileError) {
            if !DurableFile.exists(file) { _ = try DurableFile.create(file, permissions: 0o600) }
        } catch {
            // Somebody else may have made it meanwhile.
            guard DurableFile.exists(file) else { throw error }
        }
        descriptor = Glibc.open(file, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.open, file) }
        guard flock(descriptor, LOCK_SH) == 0 else {
            let error = FileError(.open, file)
            close(descriptor)
            throw error
        }
    }

    deinit { Self.release(descriptor) }

    /// Runs `body` unless somebody holds `file`.
    ///
    /// - Returns: Whether it ran.
    static func unlessHeld(_ file: String, _ body: () throws(FileError) -> Void) throws(FileError) -> Bool {
        let descriptor = Glibc.open(file, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw FileError(.open, file) }
            // Nobody has ever held it. Who begins to now reads what is needed afterwards, and this is not.
            try body()
            return true
        }
        defer { release(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw FileError(.open, file) }
            return false
        }
        try body()
        return true
    }

    /// Lets go at once: closing alone would leave the lock to a process that is just being started, for as long as that has a
    /// copy of the descriptor.
    private static func release(_ descriptor: CInt) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
