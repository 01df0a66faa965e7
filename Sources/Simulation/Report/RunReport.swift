private import Adapters
package import Foundation
private import Plotting

/// The report of one run: `report.html`, and each of its pictures as an SVG file in `plots/`.
package struct RunReport {
    static let fileName = "report.html"

    private let run: RunRecord

    /// - Throws: ``SimulationError/unreadableRun(path:problem:)`` that names the file.
    package init(directory: URL) throws(SimulationError) {
        run = try RunRecord(folder: directory)
    }

    /// Whether the run in `directory` has a report; the page is written last, so it is whole.
    package static func isWritten(in directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appendingPathComponent(fileName).path)
    }

    /// Writes the report into the run's folder, in place of an older one.
    package func write() throws {
        let figures = RunFigures(run: run).all
        try ReportFiles.write(figures, to: run.folder.appendingPathComponent("plots", isDirectory: true))
        try Data(page(with: figures).html.utf8)
            .write(to: run.folder.appendingPathComponent(Self.fileName), options: .atomic)
    }

    private func page(with figures: [Figure]) -> ReportPage {
        var page = ReportPage(title: run.label, subtitle: subtitle)
        page.add(tiles: tiles)
        page.add(figures)
        page.add(heading: "Rounds")
        page.add(table: Self.columns.map(\.title), rows)
        page.add(details: run.experiment, of: "The experiment, resolved")
        return page
    }

    private var subtitle: String {
        let clients = run.figure("clients").map { FigureText.of($0, .plain) } ?? "?"
        let strategy = run.summary["strategy"]?.string ?? "?"
        let rounds = run.figure("rounds").map { FigureText.of($0, .plain) } ?? "?"
        return "\(strategy) · \(clients) clients · \(rounds) rounds · seed \(run.seed)"
    }

    private var tiles: [(name: String, value: String)] {
        let wanted: [(name: String, key: String, unit: FigureText.Unit)] = [
            ("final accuracy", "final.accuracy", .share), ("best accuracy", "best.accuracy", .share),
            ("final perplexity", "final.perplexity", .plain), ("final loss", "final.loss", .plain),
            ("ε", "final.epsilon", .plain),
            ("simulated time", "simulated_seconds", .seconds), ("computed in", "seconds", .seconds),
            ("steps a second", "steps_per_second", .plain), ("from clients", "bytes_up", .bytes),
            ("to clients", "bytes_down", .bytes), ("peak memory", "peak_memory_bytes", .bytes),
        ]
        return wanted.compactMap { name, key, unit in
            run.figure(key).flatMap { $0 == 0 ? nil : (name, FigureText.of($0, unit)) }
        }
    }

    private static let columns: [(title: String, column: String, unit: FigureText.Unit)] = [
        ("round", "round", .plain), ("simulated time", "simulated_seconds", .seconds), ("clients", "clients", .plain),
        ("training loss", "training_loss", .plain), ("loss", "loss", .plain), ("accuracy", "accuracy", .share),
        ("worst client", "client_accuracy_min", .share), ("median client", "client_accuracy_median", .share),
        ("perplexity", "perplexity", .plain), ("bytes up", "bytes_up", .bytes), ("bytes down", "bytes_down", .bytes),
        ("effective rank", "effective_rank", .plain), ("ε so far", "epsilon", .plain),
    ]

    private var rows: [[String]] {
        let columns = Self.columns.map { column in
            run.rounds.numbers(column.column).map { $0.isNaN ? "" : FigureText.of($0, column.unit) }
        }
        return run.rounds.rows.indices.map { row in columns.map { $0[row] } }
    }
}
