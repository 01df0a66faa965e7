import Terminal
import Testing

@Suite("Text charts")
struct TextChartTests {
    @Test("a line from corner to corner, with the ends of both axes")
    func line() {
        let chart = TextChart(
            [.init(name: "spent", mark: "•", points: [(0, 0), (4, 8)])],
            width: 5,
            height: 5
        )
        #expect(
            chart.lines == [
                "8 ┤    •",
                "  │   •",
                "  │  •",
                "  │ •",
                "0 ┤•",
                "  └─────",
                "   0   4",
                "   • spent",
            ]
        )
    }

    @Test("later curves cover earlier ones, and lie only where they have points")
    func covering() {
        let chart = TextChart(
            [
                .init(name: "budget", mark: "-", points: [(0, 2), (2, 2)]),
                .init(name: "spent", mark: "•", points: [(2, 2), (1, 1), (1.5, .infinity)]),
            ],
            width: 3,
            height: 3
        )
        #expect(Array(chart.lines.prefix(3)) == ["2 ┤--•", "  │ •", "0 ┤"])
    }

    @Test("without anything above zero there is no chart")
    func empty() {
        #expect(TextChart([]).lines.isEmpty)
        #expect(TextChart([.init(name: "a", mark: "a", points: [(1, .nan), (2, 0)])]).lines.isEmpty)
    }
}
