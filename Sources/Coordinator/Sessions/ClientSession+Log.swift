import Aggregation
import WireProtocol

// The lines of a client's log, for those who read it while it is written.

extension ClientSession {
    /// Somebody who waits for lines, until a time by which every client that lends its log has answered.
    struct LogReader {
        let continuation: CheckedContinuation<ClientLog?, Never>
        let deadline: ContinuousClock.Instant
    }

    /// So many may wait for lines at a time.
    private static let mostLogReaders = 4
    /// Lines come at once, whatever else a client does.
    private static let logPatience = Duration.seconds(30)

    /// Returns lines of the client's log from a number on, as far as the client still has them.
    ///
    /// - Returns: `nil` when the connection ends before they come.
    /// - Throws: ``CoordinatorError/logNotLent(_:)``, and ``CoordinatorError/tooManyReaders(_:)`` when others wait already.
    func log(from start: UInt64) async throws -> ClientLog? {
        guard lendsLog else { throw CoordinatorError.logNotLent(client.rawValue) }
        guard logReaders.count < Self.mostLogReaders else { throw CoordinatorError.tooManyReaders(client.rawValue) }
        guard !isOver else { return nil }
        var request = Tributary_V1_LogRequest()
        request.from = start
        return await withCheckedContinuation { continuation in
            logReaders.append(LogReader(continuation: continuation, deadline: environment.now() + Self.logPatience))
            send(.logRequest(request))
        }
    }

    /// Gives lines to the one who asked first.
    func handOut(_ log: ClientLog) {
        guard !logReaders.isEmpty else { return }
        logReaders.removeFirst().continuation.resume(returning: log)
    }

    /// Tells everybody who waits that nothing comes any more.
    func sendLogReadersAway() {
        for reader in logReaders { reader.continuation.resume(returning: nil) }
        logReaders = []
    }
}
