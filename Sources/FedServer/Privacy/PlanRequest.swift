import DifferentialPrivacy

/// The numbers that were typed after `privacy plan`, and the question that they ask together.
struct PlanRequest: Sendable, Hashable {
    var epsilon: Double?
    var noiseMultiplier: Double?
    var delta: Double?
    var rounds: Int?
    var clients: Int?
    var cohort: Int?
    var samplingRate: Double?

    /// No job has more.
    private static let mostRounds = 100_000

    /// Returns the question.
    ///
    /// - Throws: ``PlanRequestError`` that names the option to add, take away or change.
    func question() throws(PlanRequestError) -> PrivacyQuestion {
        let known = try known
        guard let delta else {
            throw .missing("--delta", write: "--delta 1e-5, or less: well below one divided by the number of clients")
        }
        guard let rounds else { throw .missing("--rounds", write: "how many rounds the job has, such as --rounds 200") }
        guard rounds <= Self.mostRounds else {
            throw .range("--rounds", Double(rounds), write: "a whole number from 1 to \(Self.mostRounds), as jobs have")
        }
        let sampling = try sampling
        do throws(PrivacyError) {
            return try PrivacyQuestion(known, delta: delta, rounds: rounds, sampling: sampling, clients: clients)
        } catch {
            guard case .parameter(let name, let value, let range) = error else { throw .refused("\(error)") }
            throw .range("--" + name.replacing("_", with: "-"), value, write: range)
        }
    }

    private var known: PrivacyQuestion.Known {
        get throws(PlanRequestError) {
            switch (epsilon, noiseMultiplier) {
            case (let epsilon?, nil): return .budget(epsilon)
            case (nil, let noise?): return .noiseMultiplier(noise)
            case (nil, nil):
                throw .missing(
                    "--epsilon or --noise-multiplier",
                    write:
                        "--epsilon 8 to learn how much noise keeps it, or --noise-multiplier 1.5 to learn what it costs"
                )
            case (_?, _?):
                throw .conflict("--epsilon", "--noise-multiplier", reason: "the one is the answer to the other")
            }
        }
    }

    private var sampling: ParticipantSampling {
        get throws(PlanRequestError) {
            switch (samplingRate, cohort, clients) {
            case (_?, _?, _):
                throw .conflict("--sampling-rate", "--cohort", reason: "the rate is the cohort divided by --clients")
            case (let rate?, nil, _): return .poisson(rate: rate)
            case (nil, let cohort?, let clients?):
                guard cohort >= 1, cohort <= clients else {
                    throw .range(
                        "--cohort",
                        Double(cohort),
                        write: "a whole number from 1 to --clients, which is \(clients)"
                    )
                }
                return .poisson(rate: Double(cohort) / Double(clients))
            case (nil, _?, nil):
                throw .missing(
                    "--clients",
                    write: "--clients 1000 beside --cohort: of how many clients the cohort is drawn"
                )
            case (nil, nil, _?):
                throw .missing(
                    "--cohort",
                    write: "--cohort 50: how many of the clients take part in a round on average"
                )
            case (nil, nil, nil):
                throw .missing(
                    "--cohort or --sampling-rate",
                    write: "--clients 1000 --cohort 50, or --sampling-rate 0.05; a rate of 1 is everyone in every round"
                )
            }
        }
    }
}

/// What is wrong with the numbers after `privacy plan`.
enum PlanRequestError: Error, Hashable, CustomStringConvertible {
    case missing(String, write: String)
    case conflict(String, String, reason: String)
    case range(String, Double, write: String)
    case refused(String)

    var description: String {
        switch self {
        case .missing(let options, let example): "\(options) is missing. Write \(example)."
        case .conflict(let one, let other, let reason): "Give \(one) or \(other), not both: \(reason)."
        case .range(let option, let value, let range): "\(option) is \(Printed.short(value)). Write \(range)."
        case .refused(let reason): reason
        }
    }
}
