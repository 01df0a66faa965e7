import DifferentialPrivacy
import Testing

@Suite("Privacy plans")
struct PrivacyPlanTests {
    @Test("a budget becomes the least noise by each accountant, and what it costs by all")
    func budget() throws {
        let question = try PrivacyQuestion(
            .budget(8),
            delta: 1e-5,
            rounds: 200,
            sampling: .poisson(rate: 0.05),
            clients: 1000
        )
        let plan = try PrivacyPlan(answering: question)
        #expect(plan.choices.map(\.accountant) == ["pld", "rdp"])
        #expect(plan.refusals.map(\.accountant) == ["gaussian", "zcdp"])
        for choice in plan.choices {
            let accountant = try #require(choice.accountant)
            let own = try #require(choice.epsilons[accountant])
            #expect(own <= 8 && own > 7.98)
            #expect(choice.noiseOnMean == choice.noiseMultiplier / 50)
        }
        // The noise that Rényi's accountant asks for costs less by the other one.
        #expect(try #require(plan.choices[1].epsilons["pld"]) < 8)
        #expect(try #require(plan.choices[0].epsilons["rdp"]) > 8)

        #expect(plan.course.first?.round == 1 && plan.course.last?.round == 200)
        #expect(plan.course.last?.epsilons == plan.choices[0].epsilons)
        for name in ["pld", "rdp"] {
            let course = plan.course.compactMap { $0.epsilons[name] }
            #expect(course.count == plan.course.count && course == course.sorted())
        }
    }

    @Test("noise becomes its costs")
    func noise() throws {
        let question = try PrivacyQuestion(
            .noiseMultiplier(1.5),
            delta: 1e-5,
            rounds: 2250,
            sampling: .poisson(rate: 0.04)
        )
        let plan = try PrivacyPlan(answering: question)
        #expect(plan.choices.map(\.noiseMultiplier) == [1.5] && plan.choices.map(\.accountant) == [nil])
        #expect(abs(try #require(plan.choices[0].epsilons["rdp"]) - 7.3293) < 1e-3)
        #expect(abs(try #require(plan.choices[0].epsilons["pld"]) - 6.77) < 0.02)
        #expect(plan.choices[0].noiseOnMean == nil)
    }

    @Test("where everyone takes part, all accountants answer, the exact one first")
    func everyone() throws {
        let question = try PrivacyQuestion(.budget(4), delta: 1e-4, rounds: 30, sampling: .everyone, clients: 12)
        let plan = try PrivacyPlan(answering: question)
        #expect(plan.refusals.isEmpty && plan.choices.count == 4)
        #expect(Set(plan.choices.prefix(2).compactMap(\.accountant)) == ["gaussian", "pld"])
        #expect(plan.choices.map(\.noiseMultiplier) == plan.choices.map(\.noiseMultiplier).sorted())
        #expect(question.expectedCohort == 12)
    }

    @Test("a δ of 1/n or more is refused: it would allow to publish one client")
    func delta() throws {
        for delta in [1e-3, 0.1] {
            let error = #expect(throws: PrivacyError.self) {
                try PrivacyQuestion(.budget(1), delta: delta, rounds: 1, sampling: .everyone, clients: 1000)
            }
            #expect(error?.description.contains("1/1000") == true)
        }
        _ = try PrivacyQuestion(.budget(1), delta: 9e-4, rounds: 1, sampling: .everyone, clients: 1000)
        #expect(throws: PrivacyError.self) {
            try PrivacyQuestion(.noiseMultiplier(0), delta: 1e-5, rounds: 1, sampling: .everyone)
        }
        #expect(throws: PrivacyError.self) {
            try PrivacyQuestion(.noiseMultiplier(1), delta: 1e-5, rounds: 1, sampling: .everyone, clients: 0)
        }
    }
}
