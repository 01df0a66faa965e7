private import Dispatch

/// Threads for the arithmetic of rounds, so that an aggregation never holds one on which sessions are served.
///
/// Passed to `withTaskExecutorPreference`: a run's functions, and the child tasks among which it spreads layers, run here.
final class RoundExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "tributary.rounds", qos: .utility, attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
