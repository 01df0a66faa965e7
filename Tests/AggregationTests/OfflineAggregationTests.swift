import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

struct OfflineAggregationTests {
    /// The two clients of the worked example, E0: d = 3, k = 2, α = 2, weights 1 and 3.
    private static let first = directory(
        a: Matrix([[1, 0]]),
        b: Matrix([[1], [2], [0]]),
        alpha: 2
    )
    private static let second = directory(
        a: Matrix([[1, 1], [0, 2]]),
        b: Matrix([[0, 1], [1, 0], [1, 1]]),
        alpha: 2
    )

    @Test("splits the exact average at every rank that is asked for", .tags(.numerics))
    func workedExample() throws {
        let aggregation = OfflineAggregation(
            strategy: FlexLoRA(mode: .state),
            contributions: [contribution("b", 3, Self.second), contribution("a", 1, Self.first)]
        )
        let results = try aggregation.outcome(atRanks: [1, 2]).adapters
        let one = try #require(results[0].adapter.modules["q"])
        #expect(one.scaling == 2)
        // The reference values have six decimals.
        expect(one.b, [0.771744, 0.771744, 1.157615], within: 1e-6)
        expect(one.a, [0.514496, 0.857493], within: 1e-6)
        let two = try #require(results[1].adapter.modules["q"])
        #expect(two.scaling == 1)
        expect(two.b, [1.543487, -0.342997, 1.543487, 1.114741, 2.315231, -0.514496], within: 1e-6)
        expect(product(two), [0.5, 1.5, 1.75, 0.75, 0.75, 2.25], within: 1e-6)
    }

    @Test("takes the largest rank and its alpha when nothing else is asked for")
    func defaults() throws {
        let low = Self.directory(a: Matrix([[1, 0]]), b: Matrix([[1], [2], [0]]), alpha: 5)
        let aggregation = OfflineAggregation(
            strategy: FlexLoRA(mode: .state),
            contributions: [contribution("a", 1, low), contribution("b", 1, Self.second)]
        )
        let result = try #require(aggregation.outcome(atRanks: []).adapters.first)
        #expect(result.adapter.modules["q"]?.rank == 2)
        #expect(result.adapter.modules["q"]?.alpha == 2)
        let other = OfflineAggregation(
            strategy: FlexLoRA(mode: .state),
            contributions: [contribution("a", 1, low), contribution("b", 1, Self.second)],
            alpha: 7
        )
        let scaled = try #require(other.outcome(atRanks: []).adapters.first?.adapter.modules["q"])
        #expect(scaled.alpha == 7)
        let unscaled = try #require(result.adapter.modules["q"])
        for (left, right) in zip(product(scaled).elements, product(unscaled).elements) {
            #expect(abs(left - right) < 1e-6)
        }
    }

    @Test("changes nothing in delta mode when nobody trained, at any mixture of ranks", .tags(.numerics))
    func fixedPoint() throws {
        let global = Self.directory(
            a: Matrix([[0.6, 0.8], [-0.8, 0.6]]),
            b: Matrix([[3, 0.5], [0, -1], [1, 0]]),
            alpha: 4
        )
        // A client of rank 1 at its own alpha: the first component, at the global scale of 2.
        let small = Self.directory(a: Matrix([[0.6, 0.8]]), b: Matrix([[2], [0], [2.0 / 3]]), alpha: 3)
        let aggregation = OfflineAggregation(
            strategy: FlexLoRA(mode: .delta),
            contributions: [contribution("a", 5, small), contribution("b", 1, global)]
        )
        for (rank, result) in zip([2, 3], try aggregation.outcome(atRanks: [2, 3], global: global).adapters) {
            let module = try #require(result.adapter.modules["q"])
            #expect(module.rank == rank)
            expect(product(module), product(try #require(global.adapter.modules["q"])).elements, within: 2e-6)
        }
    }

    @Test("gives the same adapter in any order of the contributions")
    func order() throws {
        let contributions = [
            contribution("a", 1, Self.first), contribution("b", 3, Self.second), contribution("c", 0.5, Self.first),
        ]
        let results = try [[0, 1, 2], [2, 1, 0], [1, 2, 0]].map { order in
            let aggregation = OfflineAggregation(
                strategy: FlexLoRA(mode: .state),
                contributions: order.map { contributions[$0] }
            )
            return try aggregation.outcome(atRanks: []).adapters.map(\.adapter)
        }
        #expect(Set(results.map { AdapterPayload.bytes(of: $0[0]) }).count == 1)
    }

    @Test("keeps the base model's name only when all agree on it")
    func baseModel() throws {
        var named = [Self.first, Self.second]
        for index in named.indices { named[index].configuration.baseModel = "org/model" }
        func baseModel(_ directories: [PEFTDirectory]) throws -> String? {
            let contributions = directories.enumerated().map { contribution("\($0.offset)", 1, $0.element) }
            return try OfflineAggregation(strategy: FlexLoRA(mode: .state), contributions: contributions)
                .outcome(atRanks: []).adapters.first?.configuration.baseModel
        }
        #expect(try baseModel(named) == "org/model")
        named[0].configuration.baseModel = "/home/someone/model"
        #expect(try baseModel(named) == nil)
    }

    @Test("names the contribution that holds NaN, and combines nothing")
    func notFinite() throws {
        var broken = Self.second
        broken.adapter.modules["q"]?.b[1, 1] = .nan
        let aggregation = OfflineAggregation(
            strategy: FlexLoRA(mode: .state),
            contributions: [contribution("munich", 1, broken), contribution("berlin", 1, Self.first)]
        )
        let error = #expect(throws: AggregationError.self) { try aggregation.outcome(atRanks: []) }
        #expect(error?.description.contains("munich") == true)
    }

    @Test("refuses a global adapter of other layers, calling it by its role")
    func foreignGlobal() {
        let global = PEFTDirectory(
            configuration: Self.first.configuration,
            adapter: LoRAAdapter(modules: ["k": LoRAModule(a: Matrix([[1, 0]]), b: Matrix([[1], [2], [0]]), alpha: 2)])
        )
        let aggregation = OfflineAggregation(
            strategy: FlexLoRA(mode: .delta),
            contributions: [contribution("a", 1, Self.first)]
        )
        let error = AdapterError.unexpectedTensors(missing: ["q"], unknown: ["k"], source: "the global adapter")
        #expect(throws: error) { try aggregation.outcome(atRanks: [], global: global) }
    }

    // MARK: - Every strategy

    /// Two adapters of rank 2, alike in A or B where that is asked for, with a head.
    private func pair(sharingA: Bool = false, sharingB: Bool = false) -> [OfflineAggregation.Contribution] {
        var generator = CounterGenerator(seed: 51)
        let a = Matrix(gaussian: 2, 4, using: &generator)
        let b = Matrix(gaussian: 5, 2, using: &generator)
        return (0..<2).map { index in
            var directory = Self.directory(
                a: sharingA ? a : Matrix(gaussian: 2, 4, using: &generator),
                b: sharingB ? b : Matrix(gaussian: 5, 2, using: &generator),
                alpha: 2
            )
            directory.adapter.savedTensors["head"] = DenseTensor(shape: [1], elements: [Float(index)])
            return contribution("\(index)", Double(2 * index + 1), directory)
        }
    }

    private func meanOfProducts(_ contributions: [OfflineAggregation.Contribution]) throws -> [Float] {
        var mean = Matrix(rows: 5, columns: 4)
        for contribution in contributions {
            let module = try #require(try contribution.read().adapter.modules["q"])
            mean.add(product(module), scaledBy: Float(contribution.weight / 4))
        }
        return mean.elements
    }

    @Test("combines adapters without a global one, by every strategy", arguments: StrategyRegistry.names)
    func everyStrategy(_ name: String) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        let freezes = strategy.trainedFactors(inRound: 1) != .both
        let contributions = pair(sharingA: freezes)
        let outcome = try OfflineAggregation(strategy: strategy, contributions: contributions).outcome(atRanks: [])
        let adapter = try #require(outcome.adapters.first).adapter
        #expect(outcome.adapters.count == 1)
        #expect(adapter.savedTensors["head"]?.elements == [0.75])
        var found = product(try #require(adapter.modules["q"]))
        if let residual = try outcome.residual.map({ try #require($0.adapter.modules["q"]) }) {
            found.add(product(residual))
            #expect(outcome.residual?.adapter.savedTensors.isEmpty == true)
        }
        // What fits into rank 2 is exact: FlexLoRA cuts the mean of two products of rank 2.
        if strategy.profile.isExact, name != "flexlora" {
            expect(found, try meanOfProducts(contributions), within: 2e-6)
        }
    }

    @Test("takes rolora's round from the factor that is the same everywhere")
    func alternation() throws {
        for contributions in [pair(sharingA: true), pair(sharingB: true)] {
            let outcome = try OfflineAggregation(strategy: RoLoRA(), contributions: contributions).outcome(atRanks: [])
            let module = try #require(outcome.adapters.first?.adapter.modules["q"])
            expect(product(module), try meanOfProducts(contributions), within: 2e-6)
        }
    }

    @Test(
        "refuses factors that differ where they have to be the same",
        arguments: ["ffa-lora", "rolora", "fedsvd", "fed-sb"]
    )
    func differingA(_ name: String) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        let aggregation = OfflineAggregation(strategy: strategy, contributions: pair())
        #expect(throws: AggregationError.frozenFactorDiffers(client: ClientID("1"), tensor: "q.lora_A.weight")) {
            try aggregation.outcome(atRanks: [])
        }
    }

    @Test("gives flora's stack its own rank and no other")
    func stack() throws {
        let aggregation = OfflineAggregation(strategy: FLoRA(), contributions: pair())
        let stack = try #require(aggregation.outcome(atRanks: []).adapters.first)
        #expect(stack.adapter.maximumRank == 4 && stack.adapter.modules["q"]?.scaling == 1)
        #expect(try aggregation.outcome(atRanks: [4]).adapters.count == 1)
        #expect(throws: AggregationError.invalidRank(2, offered: 4...4)) { try aggregation.outcome(atRanks: [2]) }
    }

    // MARK: - Helpers

    private static func directory(a: Matrix, b: Matrix, alpha: Double) -> PEFTDirectory {
        PEFTDirectory(
            configuration: PEFTConfiguration(rank: a.rows, alpha: alpha, targetModules: .names(["q"])),
            adapter: LoRAAdapter(modules: ["q": LoRAModule(a: a, b: b, alpha: alpha)])
        )
    }

    private func contribution(
        _ name: String,
        _ weight: Double,
        _ directory: PEFTDirectory
    ) -> OfflineAggregation.Contribution {
        OfflineAggregation.Contribution(client: ClientID(name), weight: weight) { directory }
    }

    /// s·BA, by its definition.
    private func product(_ module: LoRAModule) -> Matrix {
        var product = Matrix(rows: module.outputWidth, columns: module.inputWidth)
        for row in 0..<product.rows {
            for column in 0..<product.columns {
                let sum = (0..<module.rank).reduce(0.0) {
                    $0 + Double(module.b[row, $1]) * Double(module.a[$1, column])
                }
                product[row, column] = Float(module.scaling * sum)
            }
        }
        return product
    }

    private func expect(
        _ matrix: Matrix,
        _ reference: [Float],
        within tolerance: Float,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(matrix.elements.count == reference.count, sourceLocation: sourceLocation)
        for (value, expected) in zip(matrix.elements, reference) {
            #expect(abs(value - expected) <= tolerance, sourceLocation: sourceLocation)
        }
    }
}
