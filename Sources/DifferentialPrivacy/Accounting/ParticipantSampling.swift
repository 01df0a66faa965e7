/// Who takes part in a noised step, which is what an accountant may gain from.
///
/// Participants are clients where whole updates are clipped, and examples where gradients are.
package enum ParticipantSampling: Sendable, Hashable, Codable {
    /// Everybody, in every step.
    case everyone
    /// Each independently of all others with this probability, in (0, 1]; the number of those who take part is random.
    case poisson(rate: Double)

    /// q: the probability with which a participant takes part in a step.
    package var rate: Double {
        switch self {
        case .everyone: 1
        case .poisson(let rate): rate
        }
    }
}
