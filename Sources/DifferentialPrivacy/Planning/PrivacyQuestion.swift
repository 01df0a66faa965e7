private import Foundation

/// What somebody who plans a job wants to know.
package struct PrivacyQuestion: Sendable, Hashable {
    /// The one of two numbers that is known; the other one is asked for.
    package enum Known: Sendable, Hashable {
        /// The budget, ε. How much noise does it take?
        case budget(Double)
        /// z. What does it cost?
        case noiseMultiplier(Double)
    }

    package let known: Known
    /// δ in (0, 1), below 1/n where the number of clients is known.
    package let delta: Double
    /// At least 1.
    package let rounds: Int
    package let sampling: ParticipantSampling
    /// n, where it is known.
    package let clients: Int?

    /// Describes a question.
    ///
    /// - Parameters:
    ///   - known: The budget or the noise.
    ///   - delta: δ.
    ///   - rounds: How often a noised sum is released.
    ///   - sampling: Who takes part in each round.
    ///   - clients: How many there are in all, if that is known.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` that names the first parameter out of its range.
    package init(
        _ known: Known,
        delta: Double,
        rounds: Int,
        sampling: ParticipantSampling,
        clients: Int? = nil
    ) throws(PrivacyError) {
        switch known {
        case .budget(let epsilon):
            _ = try NoiseCalibration(epsilon: epsilon, delta: delta, steps: rounds, sampling: sampling)
        case .noiseMultiplier(let noise):
            _ = try NoiseCalibration(epsilon: 1, delta: delta, steps: rounds, sampling: sampling)
            try NoisedSteps(noiseMultiplier: noise, sampling: sampling).validate()
        }
        if let clients {
            guard clients > 0 else {
                throw .parameter(name: "clients", value: Double(clients), range: "a whole number of at least 1")
            }
            guard delta * Double(clients) < 1 else {
                throw .parameter(
                    name: "delta",
                    value: delta,
                    range:
                        "a number well below 1/\(clients), or the promise would hold where each round published one client"
                )
            }
        }
        self.known = known
        self.delta = delta
        self.rounds = rounds
        self.sampling = sampling
        self.clients = clients
    }

    /// How many clients take part in a round on average: the mean's fixed denominator.
    package var expectedCohort: Double? { clients.map { sampling.rate * Double($0) } }
}
