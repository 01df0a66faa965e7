import Adapters
import Foundation
import TestSupport
import Testing

@testable import Aggregation

/// Adapters that PEFT wrote of other kinds than LoRA; `Fixtures/make_kind_fixtures.py` says how.
struct OtherKindsTests {
    private static func url(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/kinds/\(name)")
    }

    private static func read(_ name: String) throws -> PEFTDirectory {
        try PEFTDirectory(reading: url(name), kinds: AdapterKind.named)
    }

    private static func aggregation(
        _ strategy: any AggregationStrategy = FedAvg(),
        of adapters: [String: Double],
        robustRule: (any RobustRule)? = nil
    ) -> OfflineAggregation {
        OfflineAggregation(
            strategy: strategy,
            contributions: adapters.map { name, weight in
                .init(client: ClientID(name), weight: weight, directory: url(name))
            },
            robustRule: robustRule
        )
    }

    @Test(
        "averages every tensor by its name, and PEFT's configuration passes through",
        .tags(.numerics),
        arguments: ["vera", "vera-alone", "fourierft", "ia3", "prompt", "tinylora", "lora-xs"]
    )
    func averages(_ kind: String) async throws {
        let result = try #require(
            Self.aggregation(of: ["\(kind)/a": 3, "\(kind)/b": 1]).outcome(atRanks: []).adapters.first
        )
        // Both sides add up in 64 bits and round once, so not a bit differs.
        #expect(result.adapter == (try Self.read("\(kind)/mean")).adapter)
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("result")
            try result.write(to: target)
            for file in [PEFTDirectory.configurationFileName, PEFTDirectory.tensorsFileName] {
                let written = try Data(contentsOf: target.appendingPathComponent(file))
                #expect(
                    try written == Data(contentsOf: Self.url("\(kind)/mean").appendingPathComponent(file)),
                    "\(file)"
                )
            }
        }
    }

    @Test(
        "a strategy that computes with LoRA's factors says that there are none",
        arguments: StrategyRegistry.profiles.filter(\.needsFactors).map(\.name)
    )
    func refusesFactorStrategies(_ name: String) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        let error = #expect(throws: AggregationError.self) {
            try Self.aggregation(strategy, of: ["ia3/a": 1, "ia3/b": 1]).outcome(atRanks: [])
        }
        // fed-sb's cores are B·R in files, and are combined as B of ffa-lora.
        let called = name == "fed-sb" ? "ffa-lora" : name
        #expect(error == .noFactors(client: "ia3/a", kind: .ia3, strategy: called))
        #expect(error?.description.contains("Use fedavg, which averages tensors by name.") == true)
    }

    struct Mixture: Sendable, CustomTestStringConvertible {
        let other: String
        let difference: String
        var testDescription: String { other }
    }

    @Test(
        "adapters whose tensors mean different things are not averaged",
        arguments: [
            Mixture(other: "vera/other", difference: "projection_prng_key"),
            Mixture(other: "fourierft/a", difference: "peft_type"),
        ]
    )
    func refusesMixtures(_ test: Mixture) throws {
        let error = #expect(throws: AggregationError.self) {
            try Self.aggregation(of: ["vera/a": 1, test.other: 1]).outcome(atRanks: [])
        }
        let later = max(ClientID("vera/a"), ClientID(test.other))
        #expect(error == .differentMeaning(client: later, of: test.difference))
    }

    @Test("a projection that differs is named, whatever the configuration says")
    func refusesOtherProjections() throws {
        let first = try Self.read("vera/a")
        var second = first
        second.adapter.savedTensors[".base_model.vera_A"]?.elements[0] += 1
        let changed = second
        let aggregation = OfflineAggregation(
            strategy: FedAvg(),
            contributions: [
                .init(client: "a", weight: 1) { first }, .init(client: "b", weight: 1) { changed },
            ]
        )
        let error = #expect(throws: AggregationError.self) { try aggregation.outcome(atRanks: []) }
        #expect(error == .differentMeaning(client: "b", of: ".base_model.vera_A"))
    }

    @Test("a kind whose tensors are factors of a product is refused by name")
    func refusesProducts() throws {
        let error = #expect(throws: AdapterError.self) {
            try Self.aggregation(of: ["loha/a": 1]).outcome(atRanks: [])
        }
        let text = error?.description ?? ""
        #expect(text.contains("the method 'LOHA'") && text.contains("IA3"), "\(text)")
    }

    @Test("ranks mean nothing to them")
    func refusesRanks() throws {
        let error = #expect(throws: AggregationError.self) {
            try Self.aggregation(of: ["ia3/a": 1]).outcome(atRanks: [4])
        }
        #expect(error?.description.contains("`rank` means nothing") == true)
    }

    @Test("robust rules look at their tensors too", .tags(.numerics))
    func median() throws {
        let rule = try RobustRegistry.rule(RobustSettings(rule: "median"))
        let names = ["ia3/a": 1.0, "ia3/b": 1, "ia3/mean": 1]
        let result = try #require(Self.aggregation(of: names, robustRule: rule).outcome(atRanks: []).adapters.first)
        // The mean of a and b lies between them, coordinate by coordinate.
        #expect(result.adapter == (try Self.read("ia3/mean")).adapter)
    }
}
