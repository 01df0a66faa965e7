import DifferentialPrivacy
import Foundation
import Plotting
import Terminal

/// A privacy plan as people read it at a terminal, and as a picture.
struct PlanReport {
    let plan: PrivacyPlan

    private var question: PrivacyQuestion { plan.question }

    /// The accountants that answer, in the order in which they are listed.
    private var accountants: [String] {
        AccountantRegistry.names.filter { plan.choices.first?.epsilons[$0] != nil }
    }

    // MARK: - Text

    /// The whole report.
    var lines: [String] {
        [assumption, ""] + table + noiseNote + [""] + chart + refusals
    }

    /// What the answers hold for.
    private var assumption: String {
        let who =
            question.sampling == .everyone || question.sampling.rate == 1
            ? "every client takes part in each"
            : "a client takes part in each with probability \(Printed.short(question.sampling.rate)), independently"
        return """
            \(question.rounds) rounds, \(who); δ = \(Printed.short(question.delta)).
            ε is for neighbours that differ by one client. A cohort of fixed size is not what this accounts for.
            """
    }

    private var table: [String] {
        let isCalibrated = plan.choices.contains { $0.accountant != nil }
        let titles =
            (isCalibrated ? ["BY"] : []) + ["NOISE MULTIPLIER"] + accountants.map { "ε BY \($0)" }
            + (question.expectedCohort == nil ? [] : ["NOISE ON THE MEAN"])
        let rows = plan.choices.map { choice in
            (isCalibrated ? [choice.accountant ?? ""] : []) + [Printed.short(choice.noiseMultiplier)]
                + accountants.map { Printed.upperBound(choice.epsilons[$0]) }
                + (choice.noiseOnMean.map { [Printed.upperBound($0)] } ?? [])
        }
        let table = TextTable(titles, fitting: rows, texts: isCalibrated ? 1 : 0)
        return [table.header] + rows.map(table.line)
    }

    private var noiseNote: [String] {
        guard let cohort = question.expectedCohort else { return [] }
        return [
            "",
            """
            Noise on the mean: the standard deviation of each coordinate in multiples of the clipping norm, the sum being \
            divided by \(Printed.short(cohort)).
            Over p coordinates the noise is about √p times as long.
            """,
        ]
    }

    private var chart: [String] {
        let marks: [Character] = ["•", "+", "x", "o"]
        let curves = zip(accountants, marks).map { name, mark in
            TextChart.Series(name: name, mark: mark, points: curve(of: name))
        }
        let budget = budgetLine.map { [TextChart.Series(name: "budget", mark: "-", points: $0)] } ?? []
        return [title + ":"] + TextChart(budget + curves.reversed()).lines
    }

    private var refusals: [String] {
        plan.refusals.isEmpty ? [] : [""] + plan.refusals.map { "No answer by \($0.accountant): \($0.reason)" }
    }

    // MARK: - Picture

    /// ε over the rounds.
    var picture: SVGDocument {
        let curves = accountants.map { LineChart.Series(name: $0, points: curve(of: $0)) }
        let budget = budgetLine.map { [LineChart.Series(name: "budget", points: $0, isDashed: true)] } ?? []
        return LineChart(title, x: ("rounds", .plain), y: ("ε", .plain, .linear), curves + budget).drawn()
    }

    private var title: String {
        let noise = plan.choices.first.map { Printed.short($0.noiseMultiplier) } ?? "–"
        return "ε over the rounds at noise multiplier \(noise), δ = \(Printed.short(question.delta))"
    }

    private func curve(of accountant: String) -> [(x: Double, y: Double)] {
        [(0, 0)]
            + plan.course.compactMap { spending in spending.epsilons[accountant].map { (Double(spending.round), $0) } }
    }

    private var budgetLine: [(x: Double, y: Double)]? {
        guard case .budget(let epsilon) = question.known else { return nil }
        return [(0, epsilon), (Double(question.rounds), epsilon)]
    }
}
