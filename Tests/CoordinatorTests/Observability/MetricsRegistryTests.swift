import Metrics
import Testing

@testable import Coordinator

@Suite("Metrics registry")
struct MetricsRegistryTests {
    private static func text(_ registry: MetricsRegistry) -> String { registry.families.map(\.text).joined() }

    @Test("writes counters, gauges and durations as Prometheus reads them")
    func exposition() {
        let registry = MetricsRegistry()
        Counter(label: "things", dimensions: [("outcome", "good")], factory: registry).increment(by: 3)
        Counter(label: "things", dimensions: [("outcome", "bad")], factory: registry).increment()
        Gauge(label: "level", factory: registry).record(0.25)
        Gauge(label: "level", factory: registry).record(0.5)
        let text = Self.text(registry)
        #expect(
            text == """
                # HELP level level
                # TYPE level gauge
                level 0.5
                # HELP things_total things
                # TYPE things_total counter
                things_total{outcome="bad"} 1
                things_total{outcome="good"} 3

                """
        )
    }

    @Test("counts durations in buckets that add up")
    func histogram() {
        let registry = MetricsRegistry()
        let timer = Timer(label: "wait", factory: registry)
        for seconds in [0.07, 0.07, 20, 1e6] { timer.recordSeconds(seconds) }
        let lines = Self.text(registry).split(separator: "\n").map(String.init)
        #expect(lines.contains("wait_seconds_bucket{le=\"0.05\"} 0"))
        #expect(lines.contains("wait_seconds_bucket{le=\"0.1\"} 2"))
        #expect(lines.contains("wait_seconds_bucket{le=\"30.0\"} 3"))
        #expect(lines.contains("wait_seconds_bucket{le=\"+Inf\"} 4"))
        #expect(lines.contains("wait_seconds_count 4"))
        #expect(lines.contains { $0.hasPrefix("wait_seconds_sum 1000020.1") })
    }

    @Test("returns the same series for the same labels, in whatever order they stand")
    func sameSeries() {
        let registry = MetricsRegistry()
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(Self.text(registry).contains("c_total{a=\"1\",b=\"2\"} 2"))
    }

    @Test("escapes what labels hold")
    func escaping() {
        let registry = MetricsRegistry()
        Counter(label: "c", dimensions: [("a", "x\"y\\z\nw")], factory: registry).increment()
        #expect(Self.text(registry).contains(#"c_total{a="x\"y\\z\nw"} 1"#))
    }

    @Test("keeps so many series of a name, and no more")
    func limit() {
        let registry = MetricsRegistry()
        for number in 0..<1000 {
            Counter(label: "c", dimensions: [("client", "\(number)")], factory: registry).increment()
        }
        #expect(registry.families.first?.samples.count == MetricsRegistry.seriesLimit)
    }
}
