internal import Adapters
package import Foundation
import Plotting

/// Several runs beside each other: those that differ in their seed alone are one line with a range.
package struct Comparison {
    /// Runs of one label, whatever their seeds.
    struct Group {
        let label: String
        let runs: [RunRecord]

        /// The mean and the range of a figure over the seeds; `nil` when no run has it.
        func figure(_ key: String) -> (mean: Double, low: Double, high: Double)? {
            let values = runs.compactMap { $0.figure(key) ?? $0.last(key) }
            guard let low = values.min(), let high = values.max() else { return nil }
            return (values.reduce(0, +) / Double(values.count), low, high)
        }

        /// The mean curve of a column over the rounds, with its range.
        func series(_ column: String, over axis: String) -> LineChart.Series {
            let curves = runs.map { $0.curve(column, over: axis) }
            let count = curves.map(\.count).min() ?? 0
            let points = (0..<count).map { place in
                let values = curves.map { $0[place].y }
                let x = curves.map { $0[place].x }.reduce(0, +) / Double(curves.count)
                return (
                    x: x, y: values.reduce(0, +) / Double(values.count), low: values.min() ?? 0, high: values.max() ?? 0
                )
            }
            return LineChart.Series(
                name: label,
                points: points.map { ($0.x, $0.y) },
                band: curves.count > 1 ? points.map { ($0.x, $0.low, $0.high) } : []
            )
        }
    }

    let groups: [Group]

    /// Reads the runs in, or below, each of `directories`.
    ///
    /// - Throws: ``SimulationError/unreadableRun(path:problem:)`` that names the folder or file.
    package init(directories: [URL]) throws(SimulationError) {
        var labels: [String] = []
        var byLabel: [String: [RunRecord]] = [:]
        for directory in directories {
            for run in try RunRecord.all(in: directory) {
                if byLabel[run.label] == nil { labels.append(run.label) }
                byLabel[run.label, default: []].append(run)
            }
        }
        groups = labels.map { Group(label: $0, runs: byLabel[$0] ?? []) }
    }

    // MARK: - Table

    /// By their paths in the summary, or by columns of the rounds, of which the last number counts.
    private static let figures: [(title: String, key: String, unit: FigureText.Unit)] = [
        ("final accuracy", "final.accuracy", .share), ("best accuracy", "best.accuracy", .share),
        ("worst client", "client_accuracy_min", .share), ("final perplexity", "final.perplexity", .plain),
        ("final loss", "final.loss", .plain), ("ε", "final.epsilon", .plain),
        ("effective rank", "effective_rank", .plain),
        ("simulated time", "simulated_seconds", .seconds), ("bytes up", "bytes_up", .bytes),
        ("bytes down", "bytes_down", .bytes),
    ]

    /// A line for each group: means, with ranges where there are several seeds.
    package var table: (header: [String], rows: [[String]]) {
        let shown = Self.figures.filter { figure in groups.contains { $0.figure(figure.key) != nil } }
        let rows = groups.map { group in
            [group.label, "\(group.runs.count)"]
                + shown.map { figure in
                    guard let value = group.figure(figure.key) else { return "" }
                    let mean = FigureText.of(value.mean, figure.unit)
                    guard value.low < value.high else { return mean }
                    return
                        "\(mean) (\(FigureText.of(value.low, figure.unit))–\(FigureText.of(value.high, figure.unit)))"
                }
        }
        return (["run", "seeds"] + shown.map(\.title), rows)
    }

    /// The same as comma-separated values.
    var commaSeparated: String { ([plainTable.header] + plainTable.rows).map(CSV.line).joined() }

    /// The same with plain numbers: mean, lowest and highest of each figure; empty cells where there is none.
    package var plainTable: (header: [String], rows: [[String]]) {
        let shown = Self.figures.filter { figure in groups.contains { $0.figure(figure.key) != nil } }
        let header =
            ["run", "seeds"]
            + shown.map { $0.key.replacing(".", with: "_") }.flatMap { [$0, "\($0)_low", "\($0)_high"] }
        let rows = groups.map { group in
            [group.label, "\(group.runs.count)"]
                + shown.flatMap { figure in
                    group.figure(figure.key).map { [CSV.text($0.mean), CSV.text($0.low), CSV.text($0.high)] } ?? [
                        "", "", "",
                    ]
                }
        }
        return (header, rows)
    }

    // MARK: - Files

    /// Writes `comparison.html`, `comparison.csv` and the pictures into `folder`, which is made where it is missing.
    package func write(to folder: URL) throws {
        let figures = figures
        try ReportFiles.write(figures, to: folder.appendingPathComponent("plots", isDirectory: true))
        try Data(commaSeparated.utf8).write(to: folder.appendingPathComponent("comparison.csv"), options: .atomic)
        let runCount = groups.reduce(0) { $0 + $1.runs.count }
        var page = ReportPage(
            title: "Comparison",
            subtitle:
                "\(runCount) runs in \(groups.count) groups; bands and brackets span the lowest and the highest seed"
        )
        let table = table
        page.add(table: table.header, table.rows)
        page.add(heading: "Pictures")
        page.add(figures)
        try Data(page.html.utf8).write(to: folder.appendingPathComponent("comparison.html"), options: .atomic)
    }

    private var figures: [Figure] {
        let charts: [(name: String, column: String, over: String, y: (String, FigureText.Unit, ChartAxis.Scale))] = [
            ("accuracy-over-rounds", "accuracy", "round", ("accuracy", .share, .linear)),
            ("accuracy-over-time", "accuracy", "simulated_seconds", ("accuracy", .share, .linear)),
            ("accuracy-over-epsilon", "accuracy", "epsilon", ("accuracy", .share, .linear)),
            ("worst-client-over-rounds", "client_accuracy_min", "round", ("accuracy", .share, .linear)),
            ("perplexity-over-rounds", "perplexity", "round", ("perplexity", .plain, .linear)),
            ("loss-over-rounds", "loss", "round", ("cross-entropy", .plain, .linear)),
            ("effective-rank", "effective_rank", "round", ("effective rank", .plain, .linear)),
        ]
        return charts.compactMap { name, column, axis, y in
            let isTime = axis == "simulated_seconds"
            let chart = LineChart(
                Self.titles[name] ?? name,
                x: Self.axes[axis] ?? (axis, .plain),
                y: y,
                groups.map { $0.series(column, over: axis) }
            )
            guard !chart.isEmpty, !isTime || chart.takesTime else { return nil }
            return Figure(
                name: name,
                picture: chart.drawn(),
                caption: "Means over seeds; bands from the lowest to the highest."
            )
        }
    }

    private static let axes: [String: (String, FigureText.Unit)] = [
        "simulated_seconds": ("simulated time", .seconds), "epsilon": ("ε so far", .plain),
    ]

    private static let titles = [
        "accuracy-over-rounds": "Held-out accuracy over rounds",
        "accuracy-over-epsilon": "Held-out accuracy over ε",
        "accuracy-over-time": "Held-out accuracy over simulated time",
        "worst-client-over-rounds": "Accuracy of the worst client over rounds",
        "perplexity-over-rounds": "Held-out perplexity over rounds",
        "loss-over-rounds": "Held-out loss over rounds",
        "effective-rank": "Effective rank of ΔW over rounds",
    ]
}
