/// Lines over a common axis, each with a band around it where there is one.
package struct LineChart: Sendable {
    package typealias Point = (x: Double, y: Double)

    package struct Series: Sendable {
        package let name: String
        package let points: [Point]
        /// From the lowest to the highest at each place.
        package var band: [(x: Double, low: Double, high: Double)]
        package var isDashed: Bool
        /// The place in the palette; by default that in the chart.
        package var color: Int?

        package init(
            name: String,
            points: [Point],
            band: [(x: Double, low: Double, high: Double)] = [],
            isDashed: Bool = false,
            color: Int? = nil
        ) {
            self.name = name
            self.points = points
            self.band = band
            self.isDashed = isDashed
            self.color = color
        }

        /// The same with nothing but what can be drawn.
        fileprivate var drawable: Series {
            Series(
                name: name,
                points: points.filter { $0.x.isFinite && $0.y.isFinite },
                band: band.filter { $0.x.isFinite && $0.low.isFinite && $0.high.isFinite },
                isDashed: isDashed,
                color: color
            )
        }
    }

    package let title: String
    package let x: ChartAxis
    package let y: ChartAxis
    package let series: [Series]

    /// Creates a chart; series without points are left out.
    package init(
        _ title: String,
        x: (label: String, unit: FigureText.Unit),
        y: (label: String, unit: FigureText.Unit, scale: ChartAxis.Scale),
        _ series: [Series]
    ) {
        self.title = title
        self.series = series.map(\.drawable).filter { !$0.points.isEmpty }
        self.x = ChartAxis(x.label, unit: x.unit, values: self.series.flatMap { $0.points.map(\.x) })
        self.y = ChartAxis(
            y.label,
            unit: y.unit,
            scale: y.scale,
            values: self.series.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.low, $0.high] } }
        )
    }

    /// Whether there is nothing to see.
    package var isEmpty: Bool { series.isEmpty }

    /// Whether anything lies beyond zero: in a world without devices, no time passes.
    package var takesTime: Bool { series.contains { $0.points.contains { $0.x > 0 } } }

    /// Draws the chart.
    package func drawn() -> SVGDocument {
        var frame = ChartFrame(title: title, legend: series.count > 1 ? series.map { ($0.name, ink(of: $0)) } : [])
        frame.drawAxes(x: x, y: y)
        for series in series where series.band.count > 1 {
            let upper = series.band.compactMap { frame.place(x, $0.x, y, $0.high) }
            let lower = series.band.compactMap { frame.place(x, $0.x, y, $0.low) }
            frame.document.area(upper + lower.reversed(), ink(of: series))
        }
        for series in series {
            let places = series.points.compactMap { frame.place(x, $0.x, y, $0.y) }
            if places.count > 1 { frame.document.polyline(places, ink(of: series), dashed: series.isDashed) }
            // More points than these would run together, and the page would be slow.
            guard series.points.count <= 200 else { continue }
            for point in series.points {
                guard let place = frame.place(x, point.x, y, point.y) else { continue }
                let tip = "\(series.name): \(FigureText.of(point.y, y.unit)) at \(FigureText.of(point.x, x.unit))"
                frame.document.disc(at: place, radius: 2.5, ink(of: series), tip: tip)
            }
        }
        return frame.document
    }

    private func ink(of series: Series) -> SVGDocument.Ink {
        .series(series.color ?? self.series.firstIndex { $0.name == series.name } ?? 0)
    }
}
