private import Foundation

/// Curves as rows of text, for people at a terminal.
package struct TextChart {
    /// A curve and the character that it is drawn with.
    package struct Series: Sendable {
        package let name: String
        package let mark: Character
        package let points: [(x: Double, y: Double)]

        package init(name: String, mark: Character, points: [(x: Double, y: Double)]) {
            self.name = name
            self.mark = mark
            self.points = points
        }
    }

    private let series: [Series]
    private let width: Int
    private let height: Int

    /// Creates a chart of curves from zero on; what is not finite is left out.
    ///
    /// - Parameters:
    ///   - series: The curves. Later ones cover earlier ones.
    ///   - width: How many characters the area between the axes is wide, at least 2.
    ///   - height: How many lines it is high, at least 2.
    package init(_ series: [Series], width: Int = 60, height: Int = 10) {
        self.series = series.map { series in
            Series(
                name: series.name,
                mark: series.mark,
                points: series.points.filter { $0.x.isFinite && $0.y.isFinite }.sorted { $0.x < $1.x }
            )
        }
        self.width = max(width, 2)
        self.height = max(height, 2)
    }

    /// The lines of the chart: the area, its lower axis, and a legend.
    package var lines: [String] {
        let points = series.flatMap(\.points)
        guard let right = points.map(\.x).max(), let top = points.map(\.y).max(), right > 0, top > 0 else { return [] }
        var area = [[Character]](repeating: [Character](repeating: " ", count: width), count: height)
        for series in series {
            for column in 0..<width {
                guard let y = Self.value(of: series.points, at: right * Double(column) / Double(width - 1)) else {
                    continue
                }
                let row = Int((Double(height - 1) * max(0, y) / top).rounded())
                area[height - 1 - row][column] = series.mark
            }
        }
        let labels = [Self.label(top), Self.label(0)]
        let margin = labels.map(\.count).max() ?? 0
        let rows = area.enumerated().map { row, characters in
            let label = row == 0 ? labels[0] : row == height - 1 ? labels[1] : ""
            let padding = String(repeating: " ", count: margin - label.count)
            return "\(padding)\(label) \(label.isEmpty ? "│" : "┤")\(Self.trimmed(String(characters)))"
        }
        let end = Self.label(right)
        let space = String(repeating: " ", count: max(1, width - 1 - end.count))
        return rows + [
            String(repeating: " ", count: margin + 1) + "└" + String(repeating: "─", count: width),
            String(repeating: " ", count: margin + 2) + "0" + space + end,
            String(repeating: " ", count: margin + 2) + series.map { "\($0.mark) \($0.name)" }.joined(separator: "   "),
        ]
    }

    /// The curve's height between its points, `nil` before the first and after the last.
    private static func value(of points: [(x: Double, y: Double)], at x: Double) -> Double? {
        guard let next = points.firstIndex(where: { $0.x >= x - 1e-9 * abs(x) }) else { return nil }
        guard next > 0, points[next].x > points[next - 1].x else {
            return points[next].x <= x * (1 + 1e-9) ? points[next].y : nil
        }
        let (from, to) = (points[next - 1], points[next])
        return from.y + (to.y - from.y) * (x - from.x) / (to.x - from.x)
    }

    /// Whole numbers as they are, others in three digits.
    private static func label(_ value: Double) -> String {
        String(format: value == value.rounded() && abs(value) < 1e9 ? "%.0f" : "%.3g", value)
    }

    private static func trimmed(_ text: String) -> String { String(text.reversed().drop { $0 == " " }.reversed()) }
}
