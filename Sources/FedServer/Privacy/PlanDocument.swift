import DifferentialPrivacy

/// A privacy plan as `--json` prints it.
struct PlanDocument: Encodable {
    struct Question: Encodable {
        let epsilon: Double?
        let noiseMultiplier: Double?
        let delta: Double
        let rounds: Int
        let samplingRate: Double
        let clients: Int?

        private enum CodingKeys: String, CodingKey {
            case epsilon, delta, rounds, clients
            case noiseMultiplier = "noise_multiplier"
            case samplingRate = "sampling_rate"
        }
    }

    struct Choice: Encodable {
        /// By which accountant the noise is the least that keeps the budget.
        let accountant: String?
        let noiseMultiplier: Double
        /// ε by accountant.
        let epsilon: [String: Double]
        let noiseOnMean: Double?

        private enum CodingKeys: String, CodingKey {
            case accountant, epsilon
            case noiseMultiplier = "noise_multiplier"
            case noiseOnMean = "noise_on_mean"
        }
    }

    struct Spending: Encodable {
        let round: Int
        let epsilon: [String: Double]
    }

    struct Refusal: Encodable {
        let accountant: String
        let reason: String
    }

    let question: Question
    let choices: [Choice]
    let course: [Spending]
    let refusals: [Refusal]

    init(_ plan: PrivacyPlan) {
        var (epsilon, noise): (Double?, Double?)
        switch plan.question.known {
        case .budget(let value): epsilon = value
        case .noiseMultiplier(let value): noise = value
        }
        question = Question(
            epsilon: epsilon,
            noiseMultiplier: noise,
            delta: plan.question.delta,
            rounds: plan.question.rounds,
            samplingRate: plan.question.sampling.rate,
            clients: plan.question.clients
        )
        choices = plan.choices.map {
            Choice(
                accountant: $0.accountant,
                noiseMultiplier: $0.noiseMultiplier,
                epsilon: $0.epsilons,
                noiseOnMean: $0.noiseOnMean
            )
        }
        course = plan.course.map { Spending(round: $0.round, epsilon: $0.epsilons) }
        refusals = plan.refusals.map { Refusal(accountant: $0.accountant, reason: $0.reason) }
    }
}
