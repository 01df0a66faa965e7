import FederatedLearning
import Synchronization

/// Hands trainings out to threads and collects what became of them.
final class TrainingQueue: Sendable {
    private struct State {
        /// The places of the trainings that no thread has taken, the next one last.
        var waiting: [Int]
        var results: [Result<TrainingOutcome, any Error>?]
        var isCancelled = false
    }

    private let state: Mutex<State>

    /// - Parameter costs: About how much work each training is; the largest are handed out first, so that threads end
    ///   at about the same time.
    init(costs: [Int]) {
        let order = costs.indices.sorted { (costs[$0], $1) < (costs[$1], $0) }
        state = Mutex(State(waiting: order, results: Array(repeating: nil, count: costs.count)))
    }

    /// Takes the next training; `nil` when there is none, or all work is to stop.
    func next() -> Int? { state.withLock { $0.isCancelled ? nil : $0.waiting.popLast() } }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Makes threads stop between two steps.
    func cancel() { state.withLock { $0.isCancelled = true } }

    func finish(_ training: Int, _ result: Result<TrainingOutcome, any Error>) {
        state.withLock { $0.results[training] = result }
    }

    /// The results in the order of the trainings; those that were stopped or never begun are cancelled.
    var results: [Result<TrainingOutcome, any Error>] {
        state.withLock { $0.results.map { $0 ?? .failure(CancellationError()) } }
    }
}
