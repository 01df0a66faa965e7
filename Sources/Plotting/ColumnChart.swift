/// Columns of stacked parts, one for each client or round.
package struct ColumnChart: Sendable {
    package struct Part: Sendable {
        package let name: String
        /// One for each column.
        package let values: [Double]

        package init(name: String, values: [Double]) {
            self.name = name
            self.values = values
        }
    }

    package let title: String
    package let columns: [String]
    package let parts: [Part]
    package let columnLabel: String
    package let valueLabel: String
    package let unit: FigureText.Unit

    /// Creates a chart; parts that are zero everywhere are left out.
    package init(
        _ title: String,
        columns: [String],
        _ parts: [Part],
        columnLabel: String,
        valueLabel: String,
        unit: FigureText.Unit = .plain
    ) {
        self.title = title
        self.columns = columns
        self.parts = parts.filter { $0.values.contains { $0 > 0 } }
        self.columnLabel = columnLabel
        self.valueLabel = valueLabel
        self.unit = unit
    }

    package var isEmpty: Bool { columns.isEmpty || parts.isEmpty }

    package func drawn() -> SVGDocument {
        let heights = columns.indices.map { index in parts.reduce(0) { $0 + $1.values[index] } }
        let y = ChartAxis(valueLabel, unit: unit, values: heights, startsAtZero: true)
        let legend = parts.count > 1 ? parts.enumerated().map { ($1.name, SVGDocument.Ink.series($0)) } : []
        var frame = ChartFrame(title: title, legend: legend)
        frame.drawAxes(x: .named(columnLabel), y: y)
        for index in columns.indices {
            var height = 0.0
            for (place, part) in parts.enumerated() where part.values[index] > 0 {
                let value = part.values[index]
                guard let from = y.place(of: height), let to = y.place(of: height + value) else { continue }
                let area = frame.column(index, of: columns.count, from: from, to: to)
                frame.document.box(
                    x: area.x,
                    y: area.y,
                    width: area.w,
                    height: area.h,
                    .series(place),
                    tip: "\(columns[index]), \(part.name): \(FigureText.of(value, unit))"
                )
                height += value
            }
        }
        drawNames(in: &frame)
        return frame.document
    }

    /// Names below the columns: all that fit side by side.
    private func drawNames(in frame: inout ChartFrame) {
        guard let first = columns.first else { return }
        let area = frame.column(0, of: columns.count, from: 0, to: 0)
        let widest = columns.map(ChartFrame.width(of:)).max() ?? ChartFrame.width(of: first)
        let stride = max(1, Int(((widest + 8) / max(area.w, 0.1)).rounded(.up)))
        for index in columns.indices where index.isMultiple(of: stride) {
            let area = frame.column(index, of: columns.count, from: 0, to: 0)
            frame.document.text(columns[index], at: (area.x + area.w / 2, area.y + 18), .middle)
        }
    }
}
