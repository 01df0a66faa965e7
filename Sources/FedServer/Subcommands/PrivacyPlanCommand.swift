import ArgumentParser
import DifferentialPrivacy
import Foundation
import Plotting

/// `fed-server privacy plan`: from a budget to the noise, or from the noise to its cost.
struct PrivacyPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say how much noise keeps a budget, or what noise costs.",
        discussion: """
            Needs no server. Each client is taken to be asked in a round with the same probability, independently of all \
            others: cohort / clients. ε is for neighbours that differ by one client who is added or removed.

            fed-server privacy plan --epsilon 8 --delta 1e-5 --rounds 200 --clients 1000 --cohort 50
            fed-server privacy plan --noise-multiplier 1.5 --sampling-rate 0.04 --rounds 2250 --delta 1e-5
            """
    )

    @Option(help: "The budget to keep: how much noise does it take?")
    var epsilon: Double?

    @Option(help: "The noise's standard deviation in multiples of the clipping norm: what does it cost?")
    var noiseMultiplier: Double?

    @Option(help: "The probability with which ε may be exceeded, well below one divided by the number of clients.")
    var delta: Double?

    @Option(help: "How many rounds the job has.")
    var rounds: Int?

    @Option(help: "How many clients there are.")
    var clients: Int?

    @Option(help: "How many of the clients take part in a round on average.")
    var cohort: Int?

    @Option(help: "The probability with which a client takes part in a round, in place of --cohort; 1 is everyone.")
    var samplingRate: Double?

    @Option(help: "An SVG file to write, with ε over the rounds.", completion: .file(extensions: ["svg"]))
    var plot: String?

    @OptionGroup var listing: ListingOptions

    private var request: PlanRequest {
        PlanRequest(
            epsilon: epsilon,
            noiseMultiplier: noiseMultiplier,
            delta: delta,
            rounds: rounds,
            clients: clients,
            cohort: cohort,
            samplingRate: samplingRate
        )
    }

    func validate() throws {
        do throws(PlanRequestError) {
            _ = try request.question()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        let plan = try PrivacyPlan(answering: request.question())
        let report = PlanReport(plan: plan)
        if let plot {
            try Data(report.picture.file.utf8).write(to: URL(fileURLWithPath: plot), options: .atomic)
        }
        if listing.json {
            try Printed.json(PlanDocument(plan))
        } else {
            print(report.lines.joined(separator: "\n"))
        }
    }
}
