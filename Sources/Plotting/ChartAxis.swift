private import Foundation

/// One direction of a chart: what it measures, and how values become places.
package struct ChartAxis: Sendable {
    package enum Scale: Sendable {
        case linear, logarithmic
    }

    package let label: String
    package let unit: FigureText.Unit
    package let scale: Scale
    /// Whether places along it are named otherwise than by numbers.
    private var isNamed = false
    /// The smallest and the largest value that has to be seen.
    package private(set) var range: ClosedRange<Double>

    /// Creates an axis on which all of `values` can be seen.
    ///
    /// - Parameters:
    ///   - label: What is measured.
    ///   - unit: How its numbers are written.
    ///   - scale: Logarithmic scales leave out what is not above 0.
    ///   - values: Everything that will be drawn.
    ///   - startsAtZero: Whether zero must be seen, as where bars grow from it.
    package init(
        _ label: String,
        unit: FigureText.Unit = .plain,
        scale: Scale = .linear,
        values: some Sequence<Double>,
        startsAtZero: Bool = false
    ) {
        self.label = label
        self.unit = unit
        self.scale = scale
        let seen = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
        let low = startsAtZero ? 0 : seen.min() ?? (scale == .linear ? 0 : 1)
        let high = max(seen.max() ?? 1, low)
        range = low == high ? (scale == .linear ? low...(low + 1) : low / 2...high * 2) : low...high
        guard scale == .linear else { return }
        // Whole steps at both ends, so that no line touches the frame.
        let step = step
        // A hair's breadth beyond a step needs no further one.
        let (first, last) = (range.lowerBound / step + 1e-9, range.upperBound / step - 1e-9)
        range = first.rounded(.down) * step...max(last.rounded(.up), first.rounded(.down) + 1) * step
    }

    /// Where a value lies: 0 at the start of the axis, 1 at its end; `nil` where it cannot be seen.
    package func place(of value: Double) -> Double? {
        guard value.isFinite else { return nil }
        switch scale {
        case .linear: return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        case .logarithmic:
            guard value > 0 else { return nil }
            return (log10(value) - log10(range.lowerBound)) / (log10(range.upperBound) - log10(range.lowerBound))
        }
    }

    /// An axis without numbers, along which columns have names.
    package static func named(_ label: String) -> ChartAxis {
        var axis = ChartAxis(label, values: [Double]())
        axis.isNamed = true
        return axis
    }

    /// The values that get a line and a number.
    package var ticks: [Double] {
        guard !isNamed else { return [] }
        switch scale {
        case .linear:
            let step = step
            let first = (range.lowerBound / step).rounded()
            let count = Int(((range.upperBound - range.lowerBound) / step).rounded())
            // Multiplied and not summed up: 0.1 + 0.2 is no tick.
            return (0...max(count, 1)).map { (first + Double($0)) * step }
        case .logarithmic:
            let decades =
                Int(
                    log10(range.lowerBound).rounded(.up)
                )...max(
                    Int(log10(range.lowerBound).rounded(.up)),
                    Int(log10(range.upperBound).rounded(.down))
                )
            let stride = max(1, decades.count / 6)
            return decades.filter { ($0 - decades.lowerBound).isMultiple(of: stride) }.map { pow(10, Double($0)) }
        }
    }

    /// A round step, such that at most seven of them make the range.
    private var step: Double {
        let span = range.upperBound - range.lowerBound
        if unit == .seconds, let step = Self.durations.first(where: { span > 60 && span / $0 <= 6.5 }) { return step }
        let power = pow(10, log10(span / 5).rounded(.down))
        return [1, 2, 5, 10].map { $0 * power }.first { span / $0 <= 6.5 } ?? span
    }

    /// Steps of time that people count in, in seconds.
    private static let durations: [Double] =
        [15, 30, 60, 120, 300, 600, 900, 1800]
        + [1, 2, 4, 6, 12].map { $0 * 3600 } + [1, 2, 5, 7, 14, 30].map { $0 * 86_400 }
}
