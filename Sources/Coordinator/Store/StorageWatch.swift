private import GRDB
import ServiceLifecycle
private import Transport

/// Ends the server when nothing is known any more about what is on the disk.
///
/// After a failed fsync the kernel may have dropped what was to be written, and says so once: whoever tries again hears
/// that all is well. So the process stops, and what the disk really holds is read at the next start.
package struct StorageWatch: Service {
    private let failures: AsyncStream<any Error>
    private let continuation: AsyncStream<any Error>.Continuation

    package init() {
        (failures, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Stops the server when `error` says that the disk cannot be relied on; any other error changes nothing.
    package func notice(_ error: any Error) {
        if Self.isFatal(error) { stop(because: error) }
    }

    /// Stops the server.
    package func stop(because error: any Error) {
        continuation.yield(error)
    }

    /// Waits until the server shuts down.
    ///
    /// - Throws: What was noticed.
    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            for await failure in self.failures { throw failure }
        }
    }

    static func isFatal(_ error: any Error) -> Bool {
        switch error {
        case let error as DatabaseError:
            [.SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC].contains(error.extendedResultCode)
        case PayloadError.file(let error): error.operation == .sync
        case let error as FileError: error.operation == .sync
        case CoordinatorError.databaseDamaged: true
        default: false
        }
    }
}
