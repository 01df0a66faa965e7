import FederatedLearning
private import Foundation

extension LearningRateSchedule {
    /// Returns by what the learning rate of a step is multiplied.
    ///
    /// The schedules of Hugging Face's `get_scheduler`, over the whole job: it rises from 0 in a line during the
    /// warm-up, then stays, falls in a line, or along half a cosine wave, to 0 at the end.
    ///
    /// - Parameters:
    ///   - progress: How much of the job lies behind, in 0..<1.
    ///   - warmupRatio: How much of the job is warm-up, in 0...1.
    /// - Returns: The factor, in 0...1.
    func factor(at progress: Double, warmupRatio: Double) -> Double {
        if progress < warmupRatio { return progress / warmupRatio }
        let rest = 1 - warmupRatio
        let fall = rest > 0 ? min((progress - warmupRatio) / rest, 1) : 1
        switch self {
        case .constant: return 1
        case .linear: return 1 - fall
        case .cosine: return 0.5 * (1 + cos(.pi * fall))
        }
    }
}

/// How far a step is in the whole job, across rounds.
struct JobProgress: Sendable {
    /// From 1.
    let round: Int
    let rounds: Int
    /// How many steps the round's local training has.
    let stepCount: Int

    /// Returns the share of the job that lies before a step, which counts from 1.
    func before(step: Int) -> Double {
        let inRound = Double(step - 1) / Double(max(stepCount, 1))
        return min(max((Double(round - 1) + inRound) / Double(max(rounds, 1)), 0), 1)
    }
}
