import DifferentialPrivacy
import Foundation
import Plotting
import Testing

@testable import FedServer

@Suite("Privacy plans in print")
struct PlanReportTests {
    private let budget: PrivacyPlan
    private let noise: PrivacyPlan

    init() throws {
        budget = try PrivacyPlan(answering: PlanRequestTests.whole.question())
        noise = try PrivacyPlan(
            answering: PlanRequest(noiseMultiplier: 1.5, delta: 1e-5, rounds: 2250, samplingRate: 0.04).question()
        )
    }

    @Test("a table has a row for each accountant, with every ε")
    func table() throws {
        let lines = PlanReport(plan: budget).lines
        #expect(lines[0].hasPrefix("200 rounds, a client takes part in each with probability 0.05, independently"))
        #expect(lines[2] == "BY   NOISE MULTIPLIER  ε BY pld  ε BY rdp  NOISE ON THE MEAN")
        let choice = try #require(budget.choices.first)
        #expect(lines[3].hasPrefix("pld") && lines[3].contains(Printed.short(choice.noiseMultiplier)))
        #expect(lines[3].contains("         8  ") && lines[4].hasPrefix("rdp"))
        #expect(lines.contains { $0.hasPrefix("No answer by zcdp: ") })
        #expect(lines.contains { $0.contains("- budget") && $0.contains("• pld") && $0.contains("+ rdp") })
    }

    @Test("given noise needs no row names, and without clients there is no mean")
    func given() {
        let lines = PlanReport(plan: noise).lines
        #expect(lines[2] == "NOISE MULTIPLIER  ε BY pld  ε BY rdp")
        #expect(lines[3].split(separator: " ").first == "1.5" && lines[3].hasSuffix("7.33"))
        #expect(!lines.contains { $0.contains("budget") })
    }

    @Test("the picture has a line for each accountant and the budget's")
    func picture() {
        let svg = PlanReport(plan: budget).picture.file
        #expect(svg.hasPrefix("<svg") && svg.components(separatedBy: "<polyline").count == 4)
        #expect(svg.contains(">budget</text>") && svg.contains("stroke-dasharray"))
        #expect(PlanReport(plan: noise).picture.file.components(separatedBy: "<polyline").count == 3)
    }

    @Test("JSON has the same numbers under the names of the options")
    func json() throws {
        let data = try JSONEncoder().encode(PlanDocument(budget))
        let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let question = try #require(object["question"] as? [String: Any])
        #expect(question["epsilon"] as? Double == 8 && question["sampling_rate"] as? Double == 0.05)
        #expect(question["noise_multiplier"] == nil && question["rounds"] as? Int == 200)
        let choices = try #require(object["choices"] as? [[String: Any]])
        #expect(choices.map { $0["accountant"] as? String } == ["pld", "rdp"])
        #expect(choices[0]["noise_multiplier"] as? Double == budget.choices[0].noiseMultiplier)
        #expect((choices[1]["epsilon"] as? [String: Double])?["pld"] == budget.choices[1].epsilons["pld"])
        #expect((object["course"] as? [[String: Any]])?.count == budget.course.count)
        #expect((object["refusals"] as? [[String: Any]])?.count == 2)
    }

    @Test(
        "a bound is rounded up and never down",
        arguments: [
            (7.9994, "8"), (7.0001, "7.001"), (0.0123451, "0.01235"), (123.41, "123.5"), (8, "8"), (0, "0"),
            (.infinity, "none"),
        ]
    )
    func bounds(value: Double, text: String) {
        #expect(Printed.upperBound(value) == text)
        #expect(Printed.upperBound(nil) == "–")
    }
}
