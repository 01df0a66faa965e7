import ArgumentParser
import Coordinator
import DifferentialPrivacy
import FederatedLearning

struct PrivacyStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what a job's rounds have cost, and what its budget still covers."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let jobs = try state.open().openStore().jobs
        let summary = try await jobs.summary(of: job.id)
        let standing = try await jobs.privacyStanding(of: job.id)
        if listing.json {
            try Printed.json(standing)
            return
        }
        guard let standing else {
            print("\(summary.name) adds no noise: its adapters are not private.")
            return
        }
        for line in Self.lines(summary, standing) { print(line) }
    }

    /// The standing for people.
    static func lines(_ summary: JobSummary, _ standing: PrivacyStanding) -> [String] {
        let settings = standing.settings
        var lines = [
            "\(summary.name): \(summary.phase.rawValue), \(summary.committedRounds) of \(summary.rounds) rounds",
            "mechanism  \(settings.mechanism.rawValue), clipping norm \(settings.clippingNorm), noise multiplier "
                + "\(settings.noiseMultiplier)",
        ]
        if settings.mechanism == .exampleLevel {
            lines.append("charged    by every silo to its own ledger")
            for (silo, epsilon) in standing.silos.sorted(by: { $0.key < $1.key }) {
                lines.append("           \(silo): ε \(PrivacyFigure.text(epsilon))")
            }
        }
        for charge in standing.charges {
            lines.append(
                "charged    \(charge.count) × noise multiplier \(charge.noiseMultiplier), \(charge.sampling.words)"
            )
        }
        let budget = settings.epsilonBudget.map { ", of a budget of \(PrivacyFigure.text($0))" } ?? ""
        lines.append("ε          \(PrivacyFigure.text(standing.epsilon)) at δ = \(settings.delta)\(budget)")
        if let rounds = standing.coveredRounds { lines.append("left       \(rounds) more rounds") }
        return lines
    }
}

extension ParticipantSampling {
    fileprivate var words: String {
        switch self {
        case .everyone: "everybody in every round"
        case .poisson(let rate): "each client at the rate \(rate)"
        }
    }
}
