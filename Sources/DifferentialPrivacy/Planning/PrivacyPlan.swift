private import Foundation

/// The answer to a ``PrivacyQuestion``: how much noise, and what it costs by every accountant.
package struct PrivacyPlan: Sendable, Hashable {
    /// One choice of noise.
    package struct Choice: Sendable, Hashable {
        /// The accountant by which this is the least noise that keeps the budget; `nil` where the noise was given.
        package let accountant: String?
        /// z.
        package let noiseMultiplier: Double
        /// ε by accountant, of those that vouch for the sampling.
        package let epsilons: [String: Double]
        /// The noise's standard deviation on each coordinate of the mean, in multiples of the clipping norm.
        package let noiseOnMean: Double?
    }

    /// An accountant that gives no answer, and why.
    package struct Refusal: Sendable, Hashable {
        package let accountant: String
        package let reason: String
    }

    /// What has been spent after some of the rounds.
    package struct Spending: Sendable, Hashable {
        package let round: Int
        /// ε by accountant.
        package let epsilons: [String: Double]
    }

    package let question: PrivacyQuestion
    /// A choice for each accountant, that with the least noise first; or the one that was given.
    package let choices: [Choice]
    package let refusals: [Refusal]
    /// How ε grows with the rounds at the first choice's noise.
    package let course: [Spending]

    /// Answers a question.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - courseLength: At how many rounds the course is computed.
    /// - Throws: ``PrivacyError`` when no accountant vouches for the sampling.
    /// - Complexity: About ten answers of each accountant, and one for each point of the course.
    package init(answering question: PrivacyQuestion, courseLength: Int = 10) throws(PrivacyError) {
        self.question = question
        var (accountants, refusals): ([any PrivacyAccountant.Type], [Refusal]) = ([], [])
        for accountant in AccountantRegistry.all {
            do throws(PrivacyError) {
                var trial = accountant.init()
                try trial.add(NoisedSteps(noiseMultiplier: 1, sampling: question.sampling))
                accountants.append(accountant)
            } catch {
                guard case .sampling(let name, let reason) = error else { throw error }
                refusals.append(Refusal(accountant: name, reason: reason))
            }
        }
        self.refusals = refusals

        func epsilons(noise: Double, rounds: Int) throws(PrivacyError) -> [String: Double] {
            let steps = NoisedSteps(noiseMultiplier: noise, sampling: question.sampling, count: rounds)
            var epsilons: [String: Double] = [:]
            for accountant in accountants {
                epsilons[accountant.name] = try accountant.epsilon(of: steps, delta: question.delta)
            }
            return epsilons
        }
        func choice(_ accountant: String?, noise: Double) throws(PrivacyError) -> Choice {
            Choice(
                accountant: accountant,
                noiseMultiplier: noise,
                epsilons: try epsilons(noise: noise, rounds: question.rounds),
                noiseOnMean: question.expectedCohort.map { noise / $0 }
            )
        }

        var choices: [Choice] = []
        switch question.known {
        case .noiseMultiplier(let noise): choices = [try choice(nil, noise: noise)]
        case .budget(let epsilon):
            let calibration = try NoiseCalibration(
                epsilon: epsilon,
                delta: question.delta,
                steps: question.rounds,
                sampling: question.sampling
            )
            // The quick ones first: they tell the others where to begin.
            var guess = 1.0
            for accountant in accountants.reversed() {
                guess = try calibration.noiseMultiplier(by: accountant, near: guess)
                choices.append(try choice(accountant.name, noise: Self.roundedUp(guess)))
            }
            choices = choices.reversed().sorted { $0.noiseMultiplier < $1.noiseMultiplier }
        }
        self.choices = choices

        var course: [Spending] = []
        for choice in choices.prefix(1) {
            for round in Self.places(upTo: question.rounds, count: courseLength) where round < question.rounds {
                let epsilons = try epsilons(noise: choice.noiseMultiplier, rounds: round)
                course.append(Spending(round: round, epsilons: epsilons))
            }
            course.append(Spending(round: question.rounds, epsilons: choice.epsilons))
        }
        self.course = course
    }

    /// Five digits, the last rounded up: what is copied from a table still keeps the budget.
    private static func roundedUp(_ noise: Double) -> Double {
        let scale = pow(10, 4 - log10(noise).rounded(.down))
        return (noise * scale).rounded(.up) / scale
    }

    /// Rounds that lie denser at the beginning, where ε grows fastest.
    private static func places(upTo last: Int, count: Int) -> [Int] {
        let places = (1...max(count, 1)).map { place in
            let share = Double(place) / Double(max(count, 1))
            return max(1, Int((share * share * Double(last)).rounded()))
        }
        return Set(places + [1]).sorted()
    }
}
