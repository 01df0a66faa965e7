package import Foundation

/// What one round came to, in few numbers however many clients took part: a point of a job's curves.
package struct RoundPoint: Hashable, Sendable, Codable {
    /// Round 0 is the evaluation of the initial adapter.
    package let number: Int
    /// How many clients' updates count.
    package var clients: Int?
    /// The mean training loss, weighted by examples.
    package var trainingLoss: Double?
    /// Over the held-out examples of all silos.
    package var accuracy: Double?
    package var loss: Double?
    /// Payload bytes, retransmissions included.
    package var traffic = Traffic()
    package var seconds: Double?
    /// ε of the job up to this round.
    package var epsilon: Double?
    /// Whether nothing is to come any more.
    package var isComplete = false

    init(number: Int) {
        self.number = number
    }
}

/// A round that is going on.
package struct OpenRoundStanding: Hashable, Sendable, Codable {
    package let number: Int
    package let openedAt: Date
    /// How many clients were asked; in asynchronous rounds, how many work.
    package let cohort: Int
    /// How many updates are in.
    package let accepted: Int
}

/// The curves of a job.
package struct RoundCourse: Hashable, Sendable, Codable {
    package let rounds: [RoundPoint]
    package let open: OpenRoundStanding?
}

/// One client in one round.
package struct RoundClient: Hashable, Sendable, Codable {
    package let client: String
    /// The rank of the update that counts; `nil` when the client only evaluated.
    package let rank: Int?
    /// Figures by phase and name, such as `train/loss`.
    package let figures: [String: Double]
}
