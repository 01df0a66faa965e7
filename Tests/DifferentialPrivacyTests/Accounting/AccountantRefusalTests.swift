import DifferentialPrivacy
import Testing

@Suite("Accountants refuse")
struct AccountantRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let steps: NoisedSteps
        var testDescription: String { name }
    }

    @Test(
        "parameters out of their range, naming them",
        arguments: [
            Case(name: "noise_multiplier", steps: .init(noiseMultiplier: 0, sampling: .everyone)),
            Case(name: "noise_multiplier", steps: .init(noiseMultiplier: -1, sampling: .everyone)),
            Case(name: "noise_multiplier", steps: .init(noiseMultiplier: .infinity, sampling: .everyone)),
            Case(name: "noise_multiplier", steps: .init(noiseMultiplier: .nan, sampling: .everyone)),
            Case(name: "sampling_rate", steps: .init(noiseMultiplier: 1, sampling: .poisson(rate: 0))),
            Case(name: "sampling_rate", steps: .init(noiseMultiplier: 1, sampling: .poisson(rate: 1.01))),
            Case(name: "sampling_rate", steps: .init(noiseMultiplier: 1, sampling: .poisson(rate: .nan))),
            Case(name: "count", steps: .init(noiseMultiplier: 1, sampling: .everyone, count: -1)),
        ]
    )
    func ranges(_ test: Case) {
        for accountant in AccountantRegistry.all {
            var trial = accountant.init()
            let error = #expect(throws: PrivacyError.self) { try trial.add(test.steps) }
            guard case .parameter(test.name, _, _)? = error else {
                Issue.record("\(accountant.name) says \(String(describing: error))")
                continue
            }
            #expect(trial.epsilon(delta: 1e-5) == 0)
        }
    }

    @Test("more steps than can be counted")
    func overflow() throws {
        for accountant in AccountantRegistry.all {
            var trial = accountant.init()
            try trial.add(.init(noiseMultiplier: 1, sampling: .everyone, count: 1))
            #expect(throws: PrivacyError.self) {
                try trial.add(.init(noiseMultiplier: 1, sampling: .everyone, count: .max))
            }
        }
    }

    @Test("sampling that they gain nothing from, with what to use instead", arguments: ["zcdp", "gaussian"])
    func sampling(name: String) throws {
        let accountant = try #require(AccountantRegistry.named(name))
        var trial = accountant.init()
        let error = #expect(throws: PrivacyError.self) {
            try trial.add(.init(noiseMultiplier: 1, sampling: .poisson(rate: 0.5)))
        }
        guard case .sampling(name, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("pld") && reason.contains("rdp"))
        // A rate of 1 is everyone.
        try trial.add(.init(noiseMultiplier: 1, sampling: .poisson(rate: 1)))
        #expect(trial.epsilon(delta: 1e-5) > 0)
    }

    @Test("names are unique, and nothing else is one")
    func names() {
        #expect(AccountantRegistry.names == ["pld", "rdp", "gaussian", "zcdp"])
        #expect(AccountantRegistry.named("moments") == nil)
    }
}
