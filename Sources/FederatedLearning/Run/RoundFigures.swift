package import Aggregation

/// The figures of a round that are kept in the store.
package enum RoundFigures {
    /// The figures of a committed round: each client's, and the round's.
    ///
    /// - Parameters:
    ///   - round: The round.
    ///   - accepted: The updates that count, sorted by client.
    ///   - downloads: How many payload bytes each client of the cohort had to fetch.
    ///   - duration: From the opening of the round, or its resumption, to its result.
    ///   - aggregation: The part of it that the combination took.
    /// - Returns: The figures, the clients' first.
    static func training(
        round: Int,
        accepted: [UpdateOffer],
        downloads: [ClientID: Int],
        duration: Duration,
        aggregation: Duration
    ) -> [Measurement] {
        var figures: [Measurement] = []
        for offer in accepted {
            var named = PeerText.figures(offer.metrics)
            named["examples"] = Double(offer.exampleCount)
            named["bytes_up"] = Double(offer.adapter.byteCount)
            figures += measurements(named, round: round, client: offer.client, phase: "train")
        }
        figures += Self.downloads(downloads, round: round, phase: "train")
        let whole = [
            "clients": Double(accepted.count),
            "bytes_up": Double(accepted.map(\.adapter.byteCount).reduce(0, +)),
            "bytes_down": Double(downloads.values.reduce(0, +)),
            "seconds": duration / .seconds(1),
            "aggregation_seconds": aggregation / .seconds(1),
        ]
        return figures + measurements(whole, round: round, client: nil, phase: "round")
    }

    /// The figures of an asynchronous step: each client's, and the step's.
    ///
    /// Of a client with several updates in it, bytes add up, and everything else is the latest.
    ///
    /// - Parameters:
    ///   - version: The version that the step started from; its figures are those of the round after it.
    ///   - counted: The updates that count, at least one.
    ///   - downloads: How many payload bytes each client had to fetch since the step before.
    ///   - duration: From the step before, or the resumption, to the result.
    ///   - aggregation: The part of it that the combination took.
    /// - Returns: The figures, the clients' first.
    static func step(
        from version: Int,
        counted: [BufferedUpdate],
        downloads: [ClientID: Int],
        duration: Duration,
        aggregation: Duration
    ) -> [Measurement] {
        let round = version + 1
        let stalenesses = counted.map { Double(version - $0.task.version) }
        var byClient: [ClientID: [String: Double]] = [:]
        for (update, staleness) in zip(counted, stalenesses).sorted(by: { $0.0.task.number < $1.0.task.number }) {
            var named = PeerText.figures(update.offer.metrics)
            named["examples"] = Double(update.offer.exampleCount)
            named["bytes_up"] = Double(update.offer.adapter.byteCount)
            named["staleness"] = staleness
            let earlier = byClient[update.offer.client, default: [:]]
            byClient[update.offer.client] = earlier.merging(
                named.map { name, value in (name, name.contains("bytes") ? value + earlier[name, default: 0] : value) }
            ) { $1 }
        }
        let each = byClient.sorted { $0.key < $1.key }
            .flatMap { measurements($0.value, round: round, client: $0.key, phase: "train") }
        let whole = [
            "clients": Double(byClient.count),
            "updates": Double(counted.count),
            "staleness": stalenesses.reduce(0, +) / Double(max(counted.count, 1)),
            "bytes_up": Double(counted.map(\.offer.adapter.byteCount).reduce(0, +)),
            "bytes_down": Double(downloads.values.reduce(0, +)),
            "seconds": duration / .seconds(1),
            "aggregation_seconds": aggregation / .seconds(1),
        ]
        return each + Self.downloads(downloads, round: round, phase: "train")
            + measurements(whole, round: round, client: nil, phase: "round")
    }

    /// The figures of an evaluation: each client's, and those of all examples together.
    static func evaluation(
        _ reports: [ClientID: EvaluationReport],
        overall: EvaluationReport,
        downloads: [ClientID: Int],
        round: Int
    ) -> [Measurement] {
        func figures(_ report: EvaluationReport, of client: ClientID?) -> [Measurement] {
            var named = PeerText.figures(report.metrics)
            named["examples"] = Double(report.exampleCount)
            return measurements(named, round: round, client: client, phase: "evaluate")
        }
        let each = reports.sorted { $0.key < $1.key }.flatMap { figures($0.value, of: $0.key) }
        let whole = reports.isEmpty ? [] : figures(overall, of: nil)
        return each + Self.downloads(downloads, round: round, phase: "evaluate") + whole
    }

    /// How many payload bytes each client had to fetch.
    private static func downloads(_ downloads: [ClientID: Int], round: Int, phase: String) -> [Measurement] {
        downloads.sorted { $0.key < $1.key }.map { client, bytes in
            Measurement(round: round, client: client, phase: phase, name: "bytes_down", value: Double(bytes))
        }
    }

    /// Combines reports: each figure is the mean over the clients that report it, weighted by their examples.
    ///
    /// For loss, perplexity and accuracy this is the figure over all examples together; a macro-F1 it averages over silos.
    package static func overall(_ reports: [ClientID: EvaluationReport]) -> EvaluationReport {
        var sums: [String: (sum: Double, weight: Double)] = [:]
        // In sorted order, so that the same reports give the same bits.
        for (_, report) in reports.sorted(by: { $0.key < $1.key }) where report.exampleCount > 0 {
            let weight = Double(report.exampleCount)
            for (name, value) in PeerText.figures(report.metrics) {
                sums[name, default: (0, 0)].sum += weight * value
                sums[name, default: (0, 0)].weight += weight
            }
        }
        let total = reports.values.reduce(0) { total, report in
            let (sum, overflow) = total.addingReportingOverflow(max(0, report.exampleCount))
            return overflow ? .max : sum
        }
        var metrics = sums.mapValues { $0.sum / $0.weight }
        // Perplexities have no mean: that of all texts follows from the loss over all of them.
        if metrics["perplexity"] != nil, let loss = metrics["loss"] { metrics["perplexity"] = Perplexity.of(loss) }
        return EvaluationReport(exampleCount: total, metrics: metrics.filter { $0.value.isFinite })
    }

    private static func measurements(
        _ named: [String: Double],
        round: Int,
        client: ClientID?,
        phase: String
    ) -> [Measurement] {
        named.sorted { $0.key < $1.key }.map {
            Measurement(round: round, client: client, phase: phase, name: $0.key, value: $0.value)
        }
    }
}
