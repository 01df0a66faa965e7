import DifferentialPrivacy
import FederatedLearning
import Testing

@Suite("Privacy in job files")
struct PrivacyJobFileTests {
    private func job(
        _ privacy: String,
        strategy: String = "{name: fedavg}",
        cohort: String = "{size: 50, population: 1000}",
        rest: String = ""
    ) throws -> JobConfiguration {
        try JobFile.parse(
            """
            name: n
            model: m
            task: sequence-classification
            labels: [a, b]
            adapter: {r: 8, lora_alpha: 8, target_modules: [query]}
            strategy: \(strategy)
            rounds: 3
            cohort: \(cohort)
            privacy: {\(privacy)}
            \(rest)
            """.utf8
        )
    }

    private static let usual = "clipping_norm: 0.5, noise_multiplier: 1.2, delta: 1.0e-5"

    @Test("are read with every key")
    func everyKey() throws {
        let central = try job(
            """
            mechanism: central, \(Self.usual), epsilon_budget: 8, sampling: poisson, accountant: rdp, \
            target_quantile: 0.4, clipping_learning_rate: 0.3
            """
        )
        #expect(
            central.privacy
                == PrivacySettings(
                    mechanism: .central,
                    clippingNorm: 0.5,
                    noiseMultiplier: 1.2,
                    delta: 1e-5,
                    epsilonBudget: 8,
                    sampling: .poisson,
                    accountant: .renyi,
                    adaptiveClipping: .init(quantile: 0.4, learningRate: 0.3)
                )
        )
        #expect(try central.charge(after: PrivacyLedger())?.sampling == .poisson(rate: 0.05))
        let tree = try job("mechanism: dp-ftrl, \(Self.usual), min_separation: 3")
        #expect(tree.privacy?.mechanism == .tree && tree.privacy?.minimumSeparation == 3)
    }

    @Test("are nothing by default, and with `none`")
    func none() throws {
        #expect(try job("mechanism: none").privacy == nil)
    }

    @Test(
        "go with the strategies whose sensitivity is bounded",
        arguments: ["fedavg", "ffa-lora", "fedsvd", "rolora", "fed-sb"]
    )
    func boundedStrategies(_ name: String) throws {
        let inTurns = name == "rolora"
        for mechanism in ["central", "local", "example-level", "dp-ftrl"] where !inTurns || mechanism != "dp-ftrl" {
            #expect(try job("mechanism: \(mechanism), \(Self.usual)", strategy: "{name: \(name)}").privacy != nil)
        }
    }

    @Test("go with a tree's noise only where every round trains the same factors")
    func treeInTurns() {
        let error = #expect(throws: JobFileError.self) {
            try job("mechanism: dp-ftrl, \(Self.usual)", strategy: "{name: rolora}")
        }
        #expect(error?.description.contains("the noise of a tree would never cancel") == true)
    }

    @Test("go with mixed ranks where the noise is on the factors before they are sent")
    func mixedRanks() throws {
        for strategy in ["{name: flexlora}", "{name: hetlora, gamma: 1.0}"] {
            for mechanism in ["local", "example-level"] {
                #expect(try job("mechanism: \(mechanism), \(Self.usual)", strategy: strategy).privacy != nil)
            }
        }
    }

    @Test(
        "are refused with the key and the reason where nothing bounds what one client can do",
        arguments: [
            ("mechanism: sentral, \(usual)", "", "`privacy.mechanism` in line 9 is 'sentral'"),
            (
                "mechanism: central, noise_multiplier: 1, delta: 1.0e-5", "",
                "The key `privacy.clipping_norm` is missing"
            ),
            (
                "mechanism: central, clipping_norm: 1, noise_multiplier: 0, delta: 1.0e-5", "",
                "`privacy.noise_multiplier` in line 9 is 0"
            ),
            (
                "mechanism: central, clipping_norm: .inf, noise_multiplier: 1, delta: 1.0e-5", "",
                "`privacy.clipping_norm` in line 9"
            ),
            (
                "mechanism: central, clipping_norm: 1, noise_multiplier: 1, delta: 0.001", "",
                "`privacy.delta` in line 9 is 0.001, which lets a mechanism give away one of the 1000 clients"
            ),
            (
                "mechanism: central, \(usual), epsilon_budget: 0.1", "",
                "`privacy.epsilon_budget` in line 9 is 0.1, and the first round alone costs ε = "
            ),
            ("mechanism: local, \(usual), sampling: poisson", "", "`privacy.sampling` in line 9 is `poisson`"),
            ("mechanism: local, \(usual), target_quantile: 0.5", "", "`privacy.target_quantile` in line 9 does not go"),
            ("mechanism: central, \(usual), min_separation: 2", "", "`privacy.min_separation` in line 9 has no effect"),
            (
                "mechanism: central, \(usual), clipping_learning_rate: 0.1", "",
                "`privacy.clipping_learning_rate` in line 9 has no effect without `target_quantile`"
            ),
            (
                "mechanism: central, \(usual)", "robust: {rule: median}",
                "`robust.rule` in line 10 looks at single updates"
            ),
            (
                "mechanism: central, \(usual)", "asynchronous: {buffer: 5}",
                "`privacy.mechanism` in line 9 is `central`, and in asynchronous rounds nothing bounds"
            ),
            (
                "mechanism: central, \(usual)", "training: {optimizer: sgd, scaffold: true}",
                "`training.scaffold` in line 10 sends a second vector"
            ),
            (
                "mechanism: example-level, \(usual)", "training: {max_grad_norm: 1.0}",
                "`training.max_grad_norm` in line 10 clips the noised gradient once more"
            ),
        ]
    )
    func refusals(privacy: String, rest: String, message: String) throws {
        let error = #expect(throws: JobFileError.self) { try job(privacy, rest: rest) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
    }

    @Test(
        "are refused for strategies that look at single updates",
        arguments: ["flexlora", "hetlora", "flora", "fedex-lora", "lora-fair", "raflora", "rbla"]
    )
    func unboundedStrategies(_ name: String) throws {
        for mechanism in ["central", "dp-ftrl"] {
            let error = #expect(throws: JobFileError.self) {
                try job("mechanism: \(mechanism), \(Self.usual)", strategy: "{name: \(name)}")
            }
            #expect(error?.description.contains("\(name) needs more than the mean of the updates") == true)
        }
    }

    @Test("are refused for clients that show in their rank what they have learned")
    func pruning() {
        let error = #expect(throws: JobFileError.self) {
            try job("mechanism: local, \(Self.usual)", strategy: "{name: hetlora}")
        }
        #expect(error?.description.contains("lets clients choose their rank by what they have learned") == true)
    }

    @Test("count those who were drawn, and nobody in their place")
    func replacement() {
        let error = #expect(throws: JobFileError.self) {
            try job("mechanism: local, \(Self.usual)", cohort: "{size: 50, population: 1000, replace_after: 1m}")
        }
        #expect(error?.description.hasPrefix("`cohort.replace_after` in line 8 goes with no `privacy`") == true)
    }

    @Test("do not take more clients than the secret coins drew")
    func overselection() {
        let error = #expect(throws: JobFileError.self) {
            try job(
                "mechanism: central, \(Self.usual), sampling: poisson",
                cohort: "{size: 50, population: 1000, overselect: 1.5}"
            )
        }
        #expect(error?.description.hasPrefix("`cohort.overselect` in line 8 does not go with") == true)
    }
}
