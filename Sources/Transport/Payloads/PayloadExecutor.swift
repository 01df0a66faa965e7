import Dispatch

/// Runs an actor on a queue of its own.
///
/// Hashing and file writes block for milliseconds, an fsync for longer; here they hold up neither an event loop nor one of
/// the few threads that all other tasks share.
final class PayloadExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        self.queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
