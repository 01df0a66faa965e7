import Coordinator
import Plotting

/// The curves of a job as a picture: what was reached on held-out examples, the training loss, ε and the bytes.
struct JobPicture {
    private let report: JobReport

    /// The palette has eight colours; one is for all silos together.
    private static let siloLimit = 7

    init(_ report: JobReport) {
        self.report = report
    }

    /// Draws the curves below each other; `nil` when no round is complete.
    func drawn() -> SVGDocument? {
        let charts = [quality, trainingLoss, epsilon, traffic].filter { !$0.isEmpty }
        guard !charts.isEmpty else { return nil }
        return .stacked(charts.map { $0.drawn() }, description: "The course of job \(report.summary.name)")
    }

    // MARK: - Charts

    /// Accuracy where the job has one, else the loss; of each silo where they are few.
    private var quality: LineChart {
        let hasAccuracy = rounds.contains { $0.overall.accuracy != nil }
        func figure(_ figures: RoundReport.Figures?) -> Double? { hasAccuracy ? figures?.accuracy : figures?.loss }
        let names = Set(rounds.flatMap(\.silos.keys)).sorted()
        let silos = names.count > Self.siloLimit ? [] : names
        return chart(
            hasAccuracy ? "Held-out accuracy" : "Held-out loss",
            hasAccuracy ? ("accuracy", .share) : ("loss", .plain),
            [series("all silos") { figure($0.overall) }] + silos.map { name in series(name) { figure($0.silos[name]) } }
        )
    }

    private var trainingLoss: LineChart {
        chart("Training loss", ("loss", .plain), [series("mean over examples") { $0.trainingLoss }])
    }

    private var epsilon: LineChart { chart("ε so far", ("ε", .plain), [series("ε") { $0.epsilon }]) }

    private var traffic: LineChart {
        chart(
            "Payload a round",
            ("bytes", .bytes),
            [
                series("from the server") { Double($0.traffic.down) },
                series("from the clients") { Double($0.traffic.up) },
            ]
        )
    }

    // MARK: - Parts

    private var rounds: ArraySlice<RoundReport> { report.completeRounds }

    private func chart(
        _ title: String,
        _ y: (label: String, unit: FigureText.Unit),
        _ series: [LineChart.Series]
    ) -> LineChart {
        LineChart(title, x: ("round", .plain), y: (y.label, y.unit, .linear), series)
    }

    private func series(_ name: String, _ value: (RoundReport) -> Double?) -> LineChart.Series {
        LineChart.Series(
            name: name,
            points: rounds.compactMap { round in value(round).map { (Double(round.number), $0) } }
        )
    }
}
