import Aggregation
import Testing

struct AggregationPlanTests {
    /// A combination, and what is said about it; `nil` where it is fine.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let strategy: StrategySettings
        var robust = RobustSettings()
        var optimizer = ServerOptimizerSettings()
        var minimum: Int?
        /// The key that is to be changed.
        let key: String?
    }

    static let cases = [
        Case(testDescription: "fedavg", strategy: .init(name: "fedavg"), key: nil),
        Case(
            testDescription: "fedavg, krum, fedadam",
            strategy: .init(name: "fedavg"),
            robust: .init(rule: "krum", byzantine: 1),
            optimizer: .init(name: "fedadam"),
            minimum: 5,
            key: nil
        ),
        Case(
            testDescription: "too few updates for krum",
            strategy: .init(name: "fedavg"),
            robust: .init(rule: "krum", byzantine: 1),
            minimum: 4,
            key: "cohort.minimum"
        ),
        Case(
            testDescription: "a trimmed mean that would trim nothing",
            strategy: .init(name: "fedavg"),
            robust: .init(rule: "trimmed-mean"),
            minimum: 9,
            key: "cohort.minimum"
        ),
        Case(
            testDescription: "a median of three",
            strategy: .init(name: "fedavg"),
            robust: .init(rule: "median"),
            minimum: 3,
            key: nil
        ),
        Case(
            testDescription: "a median of factors whose products count",
            strategy: .init(name: "flexlora"),
            robust: .init(rule: "median"),
            key: "robust.rule"
        ),
        Case(
            testDescription: "a geometric median of products",
            strategy: .init(name: "flexlora"),
            robust: .init(rule: "geometric-median"),
            key: nil
        ),
        Case(
            testDescription: "adaptive steps across new bases",
            strategy: .init(name: "flexlora"),
            optimizer: .init(name: "fedadam"),
            key: "server_optimizer.name"
        ),
        Case(
            testDescription: "momentum of products",
            strategy: .init(name: "flexlora"),
            optimizer: .init(name: "fedavgm"),
            key: nil
        ),
        Case(
            testDescription: "a penalty nobody reads",
            strategy: .init(name: "fedavg", lambda: 1),
            key: "strategy.lambda"
        ),
        Case(testDescription: "γ of 0", strategy: .init(name: "hetlora", gamma: 0), key: "strategy.gamma"),
        Case(testDescription: "a penalty of LoRA-FAIR", strategy: .init(name: "lora-fair", lambda: 0.1), key: nil),
    ]

    @Test("takes what goes together, and names the key that does not", arguments: cases)
    func combinations(_ test: Case) throws {
        func plan() throws(AggregationError) -> AggregationPlan {
            try AggregationPlan(
                strategy: test.strategy,
                robust: test.robust,
                optimizer: test.optimizer,
                minimumUpdates: test.minimum
            )
        }
        guard let key = test.key else {
            #expect(try plan().strategy.profile.name == test.strategy.name)
            return
        }
        let error = try #require(throws: AggregationError.self) { try plan() }
        guard case .unsuitableSetting(key, let problem, let remedy) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(!problem.isEmpty && !remedy.isEmpty)
    }
}
