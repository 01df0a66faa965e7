import Dispatch

/// Runs what moves the bytes of payloads on a queue of its own: the actor that reads or writes a file, and the task that takes
/// its chunks from a connection or gives them to one.
///
/// Hashing and file writes block for milliseconds, an fsync for longer; here they hold up neither an event loop nor one of
/// the few threads that all other tasks share. A task prefers the actor's queue (`withTaskExecutorPreference`, ``tasks``),
/// because otherwise every chunk wakes two threads on its way there and back, which took a quarter as long as hashing it.
package final class PayloadExecutor: SerialExecutor {
    /// The same queue, for tasks.
    package let tasks: PayloadTaskExecutor
    private let queue: DispatchQueue

    /// Creates a queue.
    ///
    /// - Parameter label: What debuggers call it.
    package init(label: String) {
        self.queue = DispatchQueue(label: label)
        self.tasks = PayloadTaskExecutor(queue: queue)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
