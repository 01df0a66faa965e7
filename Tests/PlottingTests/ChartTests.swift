import Plotting
import Testing

struct ChartTests {
    @Test(
        "ticks are round numbers that span the values",
        arguments: [
            ([0.203, 0.525], [0.2, 0.3, 0.4, 0.5, 0.6]),
            ([0, 20], [0, 5, 10, 15, 20]),
            ([-3, 4], [-4, -2, 0, 2, 4]),
        ]
    )
    func ticks(values: [Double], expected: [Double]) {
        let ticks = ChartAxis("", values: values).ticks
        #expect(ticks.count == expected.count)
        for (tick, wanted) in zip(ticks, expected) { #expect(abs(tick - wanted) < 1e-12) }
    }

    @Test("time is counted in minutes and hours, not in thousands of seconds")
    func time() {
        #expect(ChartAxis("", unit: .seconds, values: [0, 2600]).ticks == [0, 600, 1200, 1800, 2400, 3000])
        #expect(
            ChartAxis("", unit: .seconds, values: [0, 20_000]).ticks == [0, 3600, 7200, 10_800, 14_400, 18_000, 21_600]
        )
    }

    @Test("a logarithmic axis shows decades and leaves out what has no logarithm")
    func logarithm() {
        let axis = ChartAxis("", scale: .logarithmic, values: [0, 0.002, 0.5])
        #expect(axis.ticks == [0.01, 0.1])
        #expect(axis.place(of: 0) == nil && axis.place(of: .nan) == nil)
        #expect(axis.place(of: 0.5) == 1)
    }

    @Test("one value alone, or none, still makes an axis")
    func degenerate() {
        for values in [[], [3.0], [0]] {
            for scale in [ChartAxis.Scale.linear, .logarithmic] {
                let axis = ChartAxis("", scale: scale, values: values)
                #expect(axis.range.lowerBound < axis.range.upperBound && axis.ticks.allSatisfy(\.isFinite))
            }
        }
    }

    @Test(
        "figures are written as people read them",
        arguments: [
            (0.525, FigureText.Unit.share, "52.5 %"), (1_234_567, .bytes, "1.2 MB"), (87, .bytes, "87 B"),
            (150, .seconds, "2.5 min"), (0, .seconds, "0"), (7560, .seconds, "2.1 h"), (0.0123, .plain, "0.0123"),
            (1234, .plain, "1234"), (.nan, .plain, "–"),
        ]
    )
    func figures(value: Double, unit: FigureText.Unit, expected: String) {
        #expect(FigureText.of(value, unit) == expected)
    }

    @Test("a series is drawn where it has numbers, with its points named for the pointer")
    func line() {
        let chart = LineChart(
            "T",
            x: ("round", .plain),
            y: ("accuracy", .share, .linear),
            [.init(name: "a", points: [(0, 0.25), (1, .nan), (2, 0.5)]), .init(name: "none", points: [])]
        )
        #expect(chart.series.map(\.name) == ["a"] && chart.series[0].points.count == 2)
        let svg = chart.drawn().element
        #expect(svg.contains("<title>a: 25 % at 0</title>") && svg.contains("<title>a: 50 % at 2</title>"))
    }

    @Test("no name becomes markup")
    func escaping() {
        var document = SVGDocument(width: 10, height: 10, description: "<&>\"'")
        document.text("</text><script>", at: (0, 0))
        document.disc(at: (1, 1), radius: 1, .series(9), tip: "a<b\u{0}")
        #expect(!document.file.contains("<script>") && document.file.contains("&lt;script&gt;"))
        #expect(document.file.contains("<title>a&lt;b\u{FFFD}</title>"))
        #expect(
            document.file.contains("aria-label=\"&lt;&amp;&gt;&quot;&#39;\"") && document.file.contains("var(--s1)")
        )
    }
}
