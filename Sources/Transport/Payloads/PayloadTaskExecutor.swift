import Dispatch

/// The queue of a ``PayloadExecutor`` for tasks that are to run where the payload's actor does.
///
/// A type of its own, because an executor cannot tell for whom a job runs, and has to say so: what runs in an actor's name
/// leaves it at every call of a function that is nobody's, and is queued for it anew, on the same queue.
package final class PayloadTaskExecutor: TaskExecutor {
    private let queue: DispatchQueue

    init(queue: DispatchQueue) {
        self.queue = queue
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
