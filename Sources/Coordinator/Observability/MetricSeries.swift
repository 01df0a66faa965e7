import CoreMetrics
import Synchronization

/// One value with its labels, in a registry: a counter, or a gauge.
final class MetricSeries: Sendable {
    private let state = Mutex(0.0)

    var value: Double { state.withLock { $0 } }

    private func add(_ amount: Double) { state.withLock { $0 += amount } }

    private func replace(_ value: Double) { state.withLock { $0 = value } }
}

extension MetricSeries: CounterHandler {
    func increment(by amount: Int64) { add(Double(amount)) }
    func reset() { replace(0) }
}

extension MetricSeries: RecorderHandler {
    func record(_ value: Int64) { replace(Double(value)) }
    func record(_ value: Double) { replace(value) }
}

extension MetricSeries: MeterHandler {
    func set(_ value: Int64) { replace(Double(value)) }
    func set(_ value: Double) { replace(value) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
}

/// How long something took, counted in buckets.
final class DurationHistogram: TimerHandler, Sendable {
    private struct State {
        var counts = [Int](repeating: 0, count: DurationHistogram.bounds.count)
        var count = 0
        var sum = 0.0
    }

    /// The upper ends of the buckets in seconds: rounds last from milliseconds to a day.
    static let bounds: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400]

    private let state = Mutex(State())

    func recordNanoseconds(_ duration: Int64) {
        let seconds = Double(duration) * 1e-9
        state.withLock { state in
            for (place, bound) in Self.bounds.enumerated() where seconds <= bound { state.counts[place] += 1 }
            state.count += 1
            state.sum += seconds
        }
    }

    /// The samples as Prometheus wants them: cumulative buckets, the sum and the count.
    func samples(_ labels: MetricFamily.Labels) -> [(suffix: String, labels: MetricFamily.Labels, value: Double)] {
        let state = state.withLock { $0 }
        let buckets = zip(Self.bounds, state.counts).map { bound, count in
            (suffix: "_bucket", labels: labels.adding("le", "\(bound)"), value: Double(count))
        }
        return buckets + [
            ("_bucket", labels.adding("le", "+Inf"), Double(state.count)),
            ("_sum", labels, state.sum),
            ("_count", labels, Double(state.count)),
        ]
    }
}
