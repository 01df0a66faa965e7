import Aggregation
import Testing

struct StrategyRegistryTests {
    @Test("finds every strategy by its name")
    func names() throws {
        // Job files hold these names.
        let known: Set = [
            "fedavg", "ffa-lora", "flexlora", "hetlora", "flora", "fedex-lora", "fedsa-lora", "rolora", "fedsvd",
            "lora-fair", "rbla", "raflora", "fed-sb",
        ]
        #expect(known.isSubset(of: StrategyRegistry.names))
        for (name, profile) in zip(StrategyRegistry.names, StrategyRegistry.profiles) {
            #expect(profile.name == name)
            #expect(try StrategyRegistry.strategy(named: name).profile == profile)
        }
    }

    @Test("knows no strategy that the conformance suite does not", arguments: StrategyRegistry.names)
    func conformance(_ name: String) {
        #expect(StrategyUnderTest.all.contains { $0.strategy.profile.name == name })
    }

    @Test("takes delta as the mode of flexlora unless told otherwise")
    func modes() throws {
        #expect(try (StrategyRegistry.strategy(named: "flexlora") as? FlexLoRA)?.mode == .delta)
        #expect(try (StrategyRegistry.strategy(named: "flexlora", mode: "state") as? FlexLoRA)?.mode == .state)
    }

    @Test("says which names and modes there are")
    func unknown() {
        let name = #expect(throws: AggregationError.self) { try StrategyRegistry.strategy(named: "fedavgm") }
        #expect(
            name?.description
                == "'fedavgm' is no strategy. Use one of \(StrategyRegistry.names.joined(separator: ", "))."
        )
        let mode = #expect(throws: AggregationError.self) {
            try StrategyRegistry.strategy(named: "flexlora", mode: "product")
        }
        #expect(mode?.description == "'product' is no mode of flexlora. Use one of delta, state.")
        let none = #expect(throws: AggregationError.self) {
            try StrategyRegistry.strategy(named: "fedavg", mode: "delta")
        }
        #expect(none?.description == "fedavg has no modes, so 'delta' means nothing to it. Leave `mode` out.")
    }
}
