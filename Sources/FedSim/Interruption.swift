import Dispatch
import Foundation
import Synchronization

/// Ends a piece of work in order when Ctrl-C is pressed or the process is told to terminate.
enum Interruption {
    /// The work was cancelled by a signal, and has ended.
    struct Interrupted: Error {}

    /// Runs `body`; a signal cancels it, and a second one ends the process at once.
    ///
    /// - Throws: ``Interrupted`` when a signal came and the work did not get to its end; else what `body` throws.
    static func guarding<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let wasAsked = Atomic(false)
        let task = Task { try await body() }
        let sources = [SIGINT, SIGTERM].map { number in
            // A source only listens: the signal itself must not end the process.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                wasAsked.store(true, ordering: .relaxed)
                task.cancel()
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        do {
            return try await task.value
        } catch {
            throw wasAsked.load(ordering: .relaxed) ? Interrupted() : error
        }
    }
}
