import Plotting

/// The pictures of one run.
struct RunFigures {
    let run: RunRecord

    /// Everything that there is something to see of.
    var all: [Figure] {
        [
            score(over: "round"), score(over: "simulated_seconds"), loss, clientScores, partition, events, traffic,
            rank,
            spectra,
        ].compactMap(\.self)
    }

    /// The column by which a run is judged, its name, and its unit.
    private var score: (column: String, name: String, unit: FigureText.Unit) {
        run.isLanguageModel ? ("perplexity", "perplexity", .plain) : ("accuracy", "accuracy", .share)
    }

    private func score(over axis: String) -> Figure? {
        let isTime = axis == "simulated_seconds"
        var series = [LineChart.Series(name: "all held-out examples", points: run.curve(score.column, over: axis))]
        if !run.isLanguageModel {
            let median = run.curve("client_accuracy_median", over: axis)
            series.append(.init(name: "median client", points: median, band: clientBand(over: axis), isDashed: true))
        }
        let chart = LineChart(
            "Held-out \(score.name) over \(isTime ? "simulated time" : "rounds")",
            x: isTime ? ("simulated time", .seconds) : ("round", .plain),
            y: (score.name, score.unit, .linear),
            series
        )
        guard !chart.isEmpty, !isTime || chart.takesTime else { return nil }
        return Figure(
            name: isTime ? "\(score.name)-over-time" : "\(score.name)-over-rounds",
            picture: chart.drawn(),
            caption: run.isLanguageModel
                ? "The perplexity of the global adapter on held-out texts; lower is better."
                : "The global adapter on held-out examples. The band spans the worst and the best client."
        )
    }

    private func clientBand(over axis: String) -> [(x: Double, low: Double, high: Double)] {
        let low = run.rounds.numbers("client_accuracy_min")
        let high = run.rounds.numbers("client_accuracy_max")
        return zip(run.rounds.numbers(axis), zip(low, high)).map { (x: $0, low: $1.0, high: $1.1) }
    }

    private var loss: Figure? {
        let chart = LineChart(
            "Loss over rounds",
            x: ("round", .plain),
            y: ("cross-entropy", .plain, .linear),
            [
                .init(name: "held-out", points: run.curve("loss")),
                .init(name: "training", points: run.curve("training_loss")),
            ]
        )
        guard !chart.isEmpty else { return nil }
        return Figure(
            name: "loss",
            picture: chart.drawn(),
            caption:
                "Training loss is the mean over the clients' local steps; held-out loss is that of the global adapter."
        )
    }

    /// How the clients' accuracies in the last evaluation are spread.
    private var clientScores: Figure? {
        let rows = zip(run.clients.numbers("round"), run.clients.texts("event"))
        guard let last = rows.filter({ $1 == "evaluated" }).map(\.0).max() else { return nil }
        let scores = zip(rows, run.clients.numbers("accuracy"))
            .filter { $0.0 == last && $0.1 == "evaluated" && $1.isFinite }.map(\.1)
        guard scores.count > 1 else { return nil }
        let bins = 20
        var counts = [Double](repeating: 0, count: bins)
        for score in scores { counts[min(bins - 1, max(0, Int(score * Double(bins))))] += 1 }
        let chart = ColumnChart(
            "Clients by accuracy after round \(Int(last))",
            columns: (0..<bins).map { "\($0 * 100 / bins) %" },
            [.init(name: "clients", values: counts)],
            columnLabel: "accuracy on the client's own held-out examples, from",
            valueLabel: "clients"
        )
        return Figure(
            name: "client-accuracy",
            picture: chart.drawn(),
            caption: "How far the global adapter serves everybody: one column for each five points of accuracy."
        )
    }

    private var partition: Figure? {
        let picture = PartitionPicture(run.partition)
        guard !picture.isEmpty else { return nil }
        return Figure(
            name: "partition",
            picture: picture.drawn(),
            caption: "Who has how much of which label: the area of a disc is the number of training examples."
        )
    }

    /// What became of those who were asked to train.
    private var events: Figure? {
        let kinds = ["trained", "late", "failed", "rejected", "unavailable"]
        let rows = Array(zip(run.clients.numbers("round"), run.clients.texts("event"))).filter { kinds.contains($1) }
        guard let last = rows.map(\.0).max(), rows.contains(where: { $1 != "trained" }) else { return nil }
        let rounds = 1...max(1, Int(last))
        let parts = kinds.map { kind in
            var counts = [Double](repeating: 0, count: rounds.count)
            for (round, event) in rows where event == kind && rounds.contains(Int(round)) {
                counts[Int(round) - 1] += 1
            }
            return ColumnChart.Part(name: kind, values: counts)
        }
        let chart = ColumnChart(
            "What became of the cohort",
            columns: rounds.map(String.init),
            parts,
            columnLabel: "round",
            valueLabel: "clients"
        )
        return Figure(
            name: "cohort",
            picture: chart.drawn(),
            caption: "Clients whose updates counted, came after the round was over, or never came."
        )
    }

    private var traffic: Figure? {
        let chart = LineChart(
            "Bytes transferred since the start",
            x: ("round", .plain),
            y: ("bytes", .bytes, .linear),
            [
                .init(name: "to clients", points: run.total("bytes_down")),
                .init(name: "from clients", points: run.total("bytes_up")),
            ]
        )
        guard !chart.isEmpty, chart.y.range.upperBound > 1 else { return nil }
        return Figure(
            name: "bytes",
            picture: chart.drawn(),
            caption: "Payloads only: adapters down, updates up."
        )
    }

    private var rank: Figure? {
        let chart = LineChart(
            "Rank of the global adapter",
            x: ("round", .plain),
            y: ("rank", .plain, .linear),
            [
                .init(name: "effective rank of ΔW", points: run.curve("effective_rank")),
                .init(name: "rank", points: run.curve("rank"), isDashed: true),
            ]
        )
        guard !chart.isEmpty else { return nil }
        return Figure(
            name: "rank",
            picture: chart.drawn(),
            caption: """
                The effective rank is e to the entropy of the normalised singular values, averaged over modules: how many \
                directions ΔW really uses. A fall is rank collapse.
                """
        )
    }

    /// The singular values of ΔW after some of the rounds.
    private var spectra: Figure? {
        let spectra = zip(run.rounds.texts("round"), run.rounds.texts("singular_values"))
            .map { ($0, $1.split(separator: " ").compactMap { Double($0) }) }
            .filter { $1.contains { $0 > 0 } }
        guard let last = spectra.indices.last else { return nil }
        let shown = Set([0, last / 4, last / 2, last]).sorted()
        let chart = LineChart(
            "Singular values of ΔW",
            x: ("component", .plain),
            y: ("share of the sum", .plain, .logarithmic),
            shown.map { index in
                LineChart.Series(
                    name: "after round \(spectra[index].0)",
                    points: spectra[index].1.enumerated().map { (Double($0 + 1), $1) }
                )
            }
        )
        guard !chart.isEmpty else { return nil }
        return Figure(
            name: "singular-values",
            picture: chart.drawn(),
            caption:
                "Normalised to a sum of 1 in each module, then averaged. A curve that drops early has few directions."
        )
    }
}
