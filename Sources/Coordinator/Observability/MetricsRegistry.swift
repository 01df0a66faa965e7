package import CoreMetrics
import Synchronization

/// A backend of swift-metrics that keeps every metric in memory, for `GET /metrics`.
///
/// Counters are exported with `_total` at the end, as is the custom, and timers as histograms in seconds. A name beyond
/// ``seriesLimit`` series gets no more: a label that was not bounded after all costs figures, never the server's memory.
package final class MetricsRegistry: Sendable {
    private struct Contents {
        var counters: [String: [MetricFamily.Labels: MetricSeries]] = [:]
        var gauges: [String: [MetricFamily.Labels: MetricSeries]] = [:]
        var histograms: [String: [MetricFamily.Labels: DurationHistogram]] = [:]
    }

    /// How many sets of labels one name may have.
    static let seriesLimit = 64

    private let contents = Mutex(Contents())

    package init() {}

    /// Everything that was registered, by name.
    var families: [MetricFamily] {
        let contents = contents.withLock { $0 }
        func values(_ series: [MetricFamily.Labels: MetricSeries]) -> [(MetricFamily.Labels, Double)] {
            series.map { ($0.key, $0.value.value) }
        }
        let counters = contents.counters.map { label, series in
            MetricFamily("\(label)_total", .counter, MetricHelp.text(of: label), values(series))
        }
        let gauges = contents.gauges.map { label, series in
            MetricFamily(label, .gauge, MetricHelp.text(of: label), values(series))
        }
        let histograms = contents.histograms.map { label, series in
            MetricFamily(
                "\(label)_seconds",
                .histogram,
                MetricHelp.text(of: label),
                samples: series.sorted { $0.key < $1.key }.flatMap { $0.value.samples($0.key) }
            )
        }
        return (counters + gauges + histograms).sorted { $0.name < $1.name }
    }

    /// Returns the series with these labels, and makes it when there is none and room for one.
    private static func series<Series>(
        _ label: String,
        _ dimensions: [(String, String)],
        in families: inout [String: [MetricFamily.Labels: Series]],
        _ make: () -> Series
    ) -> Series {
        let labels = MetricFamily.Labels(dimensions)
        if let series = families[label]?[labels] { return series }
        let series = make()
        if families[label, default: [:]].count < seriesLimit { families[label, default: [:]][labels] = series }
        return series
    }
}

extension MetricsRegistry: MetricsFactory {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        contents.withLock { Self.series(label, dimensions, in: &$0.counters, MetricSeries.init) }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        contents.withLock { Self.series(label, dimensions, in: &$0.gauges, MetricSeries.init) }
    }

    /// A recorder keeps the latest value: this room records no distributions but durations.
    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        contents.withLock { Self.series(label, dimensions, in: &$0.gauges, MetricSeries.init) }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        contents.withLock { Self.series(label, dimensions, in: &$0.histograms, DurationHistogram.init) }
    }

    // Metrics live as long as the server.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}
