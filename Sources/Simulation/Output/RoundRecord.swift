/// One line of `rounds.csv`: what a round left, and what it cost.
package struct RoundRecord: Sendable, Hashable, Codable {
    package var round: Int
    /// Virtual time since the beginning.
    package var simulatedSeconds: Double
    /// Real time since the beginning.
    package var seconds: Double
    /// How many updates the round counts.
    package var clients = 0
    /// How many pieces of work came to nothing.
    package var failed = 0
    package var trainingLoss: Double?
    package var loss: Double?
    package var accuracy: Double?
    package var macroF1: Double?
    package var perplexity: Double?
    /// What privacy has cost so far; `nil` where nothing is noised.
    package var epsilon: Double?
    /// The accuracy of the worst client, of the first tenth, of the middle one and of the best.
    package var clientAccuracies: [Double] = []
    package var bytesUp = 0
    package var bytesDown = 0
    package var rank = 0
    package var spectrum = AdapterSpectrum()

    package init(round: Int, simulatedSeconds: Double, seconds: Double) {
        self.round = round
        self.simulatedSeconds = simulatedSeconds
        self.seconds = seconds
    }
}

extension RoundRecord {
    static let columns = [
        "round", "simulated_seconds", "seconds", "clients", "failed", "training_loss", "loss", "accuracy", "macro_f1",
        "perplexity", "client_accuracy_min", "client_accuracy_p10", "client_accuracy_median", "client_accuracy_max",
        "bytes_up", "bytes_down", "rank", "effective_rank", "singular_values", "epsilon",
    ]

    var cells: [String] {
        let spread = (0..<4).map { CSV.text($0 < clientAccuracies.count ? clientAccuracies[$0] : nil) }
        return [
            String(round), CSV.text(simulatedSeconds), CSV.text(seconds), String(clients), String(failed),
            CSV.text(trainingLoss), CSV.text(loss), CSV.text(accuracy), CSV.text(macroF1), CSV.text(perplexity),
        ] + spread + [
            String(bytesUp), String(bytesDown), String(rank), CSV.text(spectrum.effectiveRank),
            spectrum.values.map { CSV.text($0) }.joined(separator: " "), CSV.text(epsilon),
        ]
    }

    /// Summarises the accuracies of clients: the least, the tenth and the fiftieth percentile, and the greatest.
    static func spread(of accuracies: [Double]) -> [Double] {
        let sorted = accuracies.sorted()
        guard let first = sorted.first, let last = sorted.last else { return [] }
        func percentile(_ part: Double) -> Double {
            let place = part * Double(sorted.count - 1)
            let lower = Int(place)
            let upper = min(lower + 1, sorted.count - 1)
            return sorted[lower] + (place - Double(lower)) * (sorted[upper] - sorted[lower])
        }
        return [first, percentile(0.1), percentile(0.5), last]
    }
}
