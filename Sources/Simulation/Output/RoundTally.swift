/// What came of the clients' work since a round was committed last: what the next line of `rounds.csv` says of it.
struct RoundTally: Sendable, Hashable, Codable {
    /// How many updates count.
    var trained = 0
    /// How many pieces of work came to nothing.
    var failed = 0
    var bytesUp = 0
    var bytesDown = 0
    /// Weighted by examples.
    var lossSum = 0.0
    var lossWeight = 0.0

    /// The mean loss of the trainings; `nil` where none has one.
    var trainingLoss: Double? { lossWeight > 0 ? lossSum / lossWeight : nil }

    /// Takes the end of a piece of work into account, unless it was an evaluation.
    mutating func count(_ record: ClientRecord) {
        guard record.event != .evaluated else { return }
        bytesUp += record.bytesUp ?? 0
        bytesDown += record.bytesDown ?? 0
        guard record.event == .trained else {
            failed += 1
            return
        }
        trained += 1
        guard let loss = record.trainingLoss else { return }
        lossSum += loss * Double(record.examples)
        lossWeight += Double(record.examples)
    }
}
