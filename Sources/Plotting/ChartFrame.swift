/// Title, legend and axes of a chart, and the area between them.
package struct ChartFrame: Sendable {
    package static let width = 640.0

    package private(set) var left = 64.0
    private let right = 24.0
    private let top: Double
    private let plotHeight: Double
    private let bottom = 52.0
    package var document: SVGDocument

    private var plotWidth: Double { Self.width - left - right }

    /// Draws the title and the legend, whose entries take as many lines as they need.
    package init(
        title: String,
        legend: [(name: String, ink: SVGDocument.Ink)],
        plotHeight: Double = 250,
        leftMargin: Double = 64
    ) {
        self.left = leftMargin
        self.plotHeight = plotHeight
        var places: [(x: Double, y: Double)] = []
        var next = (x: 16.0, y: 50.0)
        for (name, _) in legend {
            let width = 30 + Self.width(of: name)
            if next.x + width > Self.width - 8, next.x > 16 { next = (16, next.y + 20) }
            places.append(next)
            next.x += width
        }
        top = legend.isEmpty ? 48 : next.y + 24
        document = SVGDocument(width: Self.width, height: top + plotHeight + bottom, description: title)
        document.text(title, at: (16, 26), ink: .text, size: 15, isBold: true)
        for ((name, ink), place) in zip(legend, places) {
            document.box(x: place.x, y: place.y - 9, width: 12, height: 10, ink)
            document.text(name, at: (place.x + 18, place.y))
        }
    }

    /// Draws lines and numbers of both axes.
    package mutating func drawAxes(x: ChartAxis, y: ChartAxis) {
        for tick in y.ticks {
            guard let share = y.place(of: tick), (-0.001...1.001).contains(share) else { continue }
            let height = top + plotHeight * (1 - share)
            document.line(from: (left, height), to: (left + plotWidth, height), .grid)
            document.text(FigureText.of(tick, y.unit), at: (left - 8, height + 4), .end)
        }
        for tick in x.ticks {
            guard let share = x.place(of: tick), (-0.001...1.001).contains(share) else { continue }
            document.text(FigureText.of(tick, x.unit), at: (left + plotWidth * share, top + plotHeight + 18), .middle)
        }
        drawBase()
        drawLabels(x: x.label, y: y.label)
    }

    /// Draws the lower line.
    package mutating func drawBase() {
        let height = top + plotHeight
        document.line(from: (left, height), to: (left + plotWidth, height), .faint)
    }

    package mutating func drawLabels(x: String, y: String) {
        document.text(x, at: (left + plotWidth / 2, top + plotHeight + 40), .middle)
        document.text(y, at: (14, top + plotHeight / 2), .middle, rotation: -90)
    }

    /// Where a point lies in the picture; `nil` where it cannot be seen.
    package func place(_ x: ChartAxis, _ xValue: Double, _ y: ChartAxis, _ yValue: Double) -> (x: Double, y: Double)? {
        guard let across = x.place(of: xValue), let up = y.place(of: yValue) else { return nil }
        return (left + plotWidth * across, top + plotHeight * (1 - up))
    }

    /// The area of column `index` of `count`, from share `from` to share `to` of the height.
    package func column(
        _ index: Int,
        of count: Int,
        from: Double,
        to: Double
    ) -> (x: Double, y: Double, w: Double, h: Double) {
        let width = plotWidth / Double(max(count, 1))
        let gap = width > 6 ? width * 0.15 : 0
        return (
            x: left + Double(index) * width + gap / 2, y: top + plotHeight * (1 - to),
            w: width - gap, h: plotHeight * (to - from)
        )
    }

    /// About how wide a text of 12 pixels is: no font can be measured here.
    package static func width(of text: String) -> Double { Double(text.count) * 6.6 }
}
