import Dispatch

/// Runs a trainer's work on a thread of its own.
///
/// A step computes for tens of milliseconds without a break. On Swift's own pool, which has a thread a core, that would
/// hold up every heartbeat.
final class TrainingExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "tributary.training", qos: .utility)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { [self] in job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
}
