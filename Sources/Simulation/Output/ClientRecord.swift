package import Aggregation

/// One line of `clients.csv`: what became of one piece of a client's work.
package struct ClientRecord: Sendable, Hashable {
    package enum Event: String, Sendable, CaseIterable {
        case trained
        /// Not delivered when the round closed, or at its deadline.
        case late
        case failed
        case rejected
        case evaluated
        /// The client went away in the middle of its work.
        case unavailable
    }

    package var round: Int
    package let client: ClientID
    package let event: Event
    package let rank: Int
    package let examples: Int
    package let steps: Int?
    package let tokens: Int?
    package let trainingLoss: Double?
    package let accuracy: Double?
    package let start: Duration
    package let end: Duration
    package let bytesUp: Int?
    package let bytesDown: Int?
    package let reason: String

    package init(
        round: Int,
        client: ClientID,
        event: Event,
        rank: Int,
        examples: Int,
        steps: Int? = nil,
        tokens: Int? = nil,
        trainingLoss: Double? = nil,
        accuracy: Double? = nil,
        start: Duration,
        end: Duration,
        bytesUp: Int? = nil,
        bytesDown: Int? = nil,
        reason: String = ""
    ) {
        self.round = round
        self.client = client
        self.event = event
        self.rank = rank
        self.examples = examples
        self.steps = steps
        self.tokens = tokens
        self.trainingLoss = trainingLoss
        self.accuracy = accuracy
        self.start = start
        self.end = end
        self.bytesUp = bytesUp
        self.bytesDown = bytesDown
        self.reason = reason
    }
}

extension ClientRecord {
    static let columns = [
        "round", "client", "event", "rank", "examples", "steps", "tokens", "training_loss", "accuracy",
        "simulated_start", "simulated_end", "bytes_up", "bytes_down", "reason",
    ]

    var cells: [String] {
        [
            String(round), client.rawValue, event.rawValue, String(rank), String(examples), CSV.text(steps),
            CSV.text(tokens), CSV.text(trainingLoss), CSV.text(accuracy), CSV.text(start.seconds),
            CSV.text(end.seconds), CSV.text(bytesUp), CSV.text(bytesDown), reason,
        ]
    }
}
