import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

/// Robust rules as a stage of `CohortAggregation`, before strategies of all kinds.
@Suite(.tags(.numerics))
struct RobustCohortTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    static let strategies: [String: any AggregationStrategy] = [
        "fedavg": FedAvg(),
        "ffa-lora": FFALoRA(),
        "flexlora-state": FlexLoRA(mode: .state),
        "flexlora-delta": FlexLoRA(mode: .delta),
    ]

    private func rule(_ name: String, byzantine: Int) throws -> any RobustRule {
        let settings =
            switch name {
            case "krum", "multi-krum", "bulyan": RobustSettings(rule: name, byzantine: byzantine)
            case "trimmed-mean": RobustSettings(rule: name, trim: 0.3)
            default: RobustSettings(rule: name)
            }
        return try #require(try RobustRegistry.rule(settings))
    }

    // MARK: - Against NumPy

    @Test("agrees with NumPy, which subtracts dense products and writes all vectors out")
    func reference() throws {
        var compared: Set<String> = []
        for test in try RobustReference.load().cohorts {
            for expected in test.results {
                let strategy = try #require(Self.strategies[expected.strategy])
                var settings = RobustSettings(rule: expected.rule)
                if ["krum", "multi-krum", "bulyan"].contains(expected.rule) { settings.byzantine = test.byzantine }
                if expected.rule == "trimmed-mean" { settings.trim = 0.2 }
                let rule = try RobustRegistry.rule(settings)
                let next = try CohortAggregation(strategy: strategy, robustRule: rule)
                    .nextGlobal(from: test.start.adapter, updates: test.clientUpdates)
                let label = "\(test.name): \(expected.rule) before \(expected.strategy)"
                for (path, values) in expected.products {
                    let found = try #require(next.modules[path]).product
                    // Factors are rounded to 32 bits once or twice.
                    #expect(largestDifference(found.elements, values) < 2e-6, "\(label), \(path)")
                }
                let head = try #require(next.savedTensors["head.bias"]).elements
                #expect(largestDifference(head.map(Double.init), expected.head) < 1e-6, "\(label)")
                compared.insert("\(expected.rule) \(expected.strategy)")
            }
        }
        #expect(compared.count == 7 + 2 * 4)
    }

    @Test("measures changes as NumPy does, in both spaces", arguments: [1, 2])
    func innerProducts(_ threads: Int) throws {
        for test in try RobustReference.load().cohorts {
            for (name, strategy) in [("factors", FedAvg() as any AggregationStrategy), ("products", FlexLoRA())] {
                let measurement = ChangeMeasurement(
                    updates: test.clientUpdates,
                    global: test.start.adapter,
                    profile: strategy.profile,
                    scope: .everything,
                    threads: threads
                )
                let expected = try #require(test.innerProducts[name]).flatMap(\.self)
                let found = try #require(measurement.measure(.innerProducts))
                #expect(largestDifference(found.elements, expected) < 1e-6, "\(test.name), \(name)")
                let norms = try #require(measurement.measure(.norms))
                for index in 0..<norms.count {
                    #expect(abs(norms.norm(index) - found.norm(index)) <= 1e-9 * found.norm(index))
                }
            }
        }
    }

    // MARK: - Products

    /// E0: ‖B₁A₁ − B₂A₂‖² = 17 for a product of rank 1 and one of rank 2.
    @Test("knows the distance of two products of different ranks")
    func productDistance() {
        let first = LoRAModule(a: Matrix([[1, 0]]), b: Matrix([[1], [2], [0]]), alpha: 1)
        let second = LoRAModule(a: Matrix([[1, 1], [0, 2]]), b: Matrix([[0, 1], [1, 0], [1, 1]]), alpha: 2)
        let products = InnerProducts(of: [first, second].map { LowRankProduct(StoredAdapter.Module($0)) })
        #expect(products.squaredDistance(0, 1) == 17)
        #expect(products.norm(1) == 4)
    }

    @Test("gives the inner products of dense matrices, over several blocks of the stack")
    func lowRankProducts() {
        var generator = CounterGenerator(seed: 6)
        let modules = [300, 1, 200, 40, 700, 3].map { rank in
            LoRAModule(
                a: Matrix(gaussian: rank, 270, using: &generator),
                b: Matrix(gaussian: 31, rank, using: &generator),
                alpha: 0.5 * Double(rank)
            )
        }
        let found = InnerProducts(of: modules.map { LowRankProduct(StoredAdapter.Module($0)) })
        let dense = InnerProducts(of: modules.map(\.product.elements))
        #expect(largestDifference(found.elements, dense.elements) < 1e-12)
    }

    @Test("does not see in which gauge a product is written")
    func gauge() throws {
        var cohort = Cohort(rank: 4)
        var updates: [ClientUpdate] = []
        var others: [ClientUpdate] = []
        for index in 0..<7 {
            let update = try cohort.update("client-\(index)", rank: [4, 2, 3][index % 3], weight: 1, of: FlexLoRA())
            var adapter = update.adapter.resident()
            for (path, module) in adapter.modules.sorted(by: { $0.key < $1.key }) {
                adapter.modules[path] = module.gauged(using: &cohort.generator)
            }
            updates.append(update)
            others.append(ClientUpdate(client: update.client, weight: 1, adapter: adapter))
        }
        let products = try [updates, others].map { updates in
            let measurement = ChangeMeasurement(
                updates: updates,
                global: cohort.global,
                profile: FlexLoRA().profile,
                scope: .everything,
                threads: 1
            )
            return try #require(measurement.measure(.innerProducts)).elements
        }
        #expect(largestDifference(products[0], products[1]) < 1e-5)
    }

    // MARK: - Attacks

    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        let rule: String
        let strategy: String
        var ranks = [4]
        var testDescription: String { "\(name), \(rule) before \(strategy)" }
    }

    static let attacks: [String: AttackedRound.Attack] = [
        "sign flip": { start, trained in start - 4 * (trained - start) },
        "scaled change": { start, trained in start + 1000 * (trained - start) },
        "huge constant": { _, _ in 1e12 },
    ]

    static let cases: [Attack] = attacks.keys.sorted().flatMap { name in
        ["krum", "multi-krum", "geometric-median", "norm-bound"].flatMap { rule in
            [
                Attack(name: name, rule: rule, strategy: "fedavg"),
                Attack(name: name, rule: rule, strategy: "ffa-lora"),
                Attack(name: name, rule: rule, strategy: "flexlora-delta", ranks: [4, 2, 4, 3]),
                Attack(name: name, rule: rule, strategy: "flexlora-state"),
            ]
        }
            + ["median", "trimmed-mean"].flatMap { rule in
                ["fedavg", "ffa-lora"].map { Attack(name: name, rule: rule, strategy: $0) }
            }
    }

    @Test("keeps the next adapter near that of the honest clients", arguments: cases)
    func attack(_ test: Attack) throws {
        let strategy = try #require(Self.strategies[test.strategy])
        let attack = try #require(Self.attacks[test.name])
        let round = try AttackedRound(of: strategy, ranks: test.ranks, by: attack)
        let trusting = CohortAggregation(strategy: strategy)
        let robust = CohortAggregation(strategy: strategy, robustRule: try rule(test.rule, byzantine: 3))
        let honest = try trusting.nextGlobal(from: round.global, updates: round.honest)
        let kept = try robust.nextGlobal(from: round.global, updates: round.updates)
        let whole = honest.distance(to: round.global)
        // A bounded change still pulls, by no more than its length: three of eleven.
        let tolerance = test.rule == "norm-bound" ? 0.8 : 0.4
        #expect(kept.distance(to: honest) < tolerance * whole)
        let head = try #require(kept.savedTensors["head.weight"]).elements
        for (value, start) in zip(head, [1, 2, 3, 4, 5, 6] as [Float]) {
            #expect(abs(value - start - 0.1) < 0.1)
        }
        // And the attack is one.
        let spoilt = try trusting.nextGlobal(from: round.global, updates: round.updates)
        #expect(spoilt.distance(to: honest) > tolerance * whole)
    }

    @Test("keeps Bulyan's coordinates among the honest", arguments: attacks.keys.sorted())
    func bulyan(_ name: String) throws {
        let round = try AttackedRound(of: FedAvg(), by: try #require(Self.attacks[name]))
        let updates =
            Array(round.attackers.prefix(2)) + round.honest + [
                ClientUpdate(client: ClientID("client-99"), weight: 5, adapter: round.honest[0].adapter)
            ]
        let kept = try CohortAggregation(strategy: FedAvg(), robustRule: Bulyan(byzantine: 2))
            .nextGlobal(from: round.global, updates: updates)
        for (path, module) in kept.modules {
            let honest = round.honest.compactMap { $0.adapter.modules[path]?.resident() }
            for index in module.a.elements.indices {
                let values = honest.map { $0.a.elements[index] }.sorted()
                #expect(values[0] <= module.a.elements[index] && module.a.elements[index] <= values[7])
            }
        }
    }

    // MARK: - As a stage

    @Test(
        "gives the same bits for any order of arrival and any number of threads",
        arguments: ["norm-bound", "median", "trimmed-mean", "krum", "multi-krum", "bulyan", "geometric-median"]
    )
    func determinism(_ name: String) throws {
        var generator = CounterGenerator(seed: 2)
        let round = try AttackedRound(of: FedAvg(), by: { start, trained in start - (trained - start) })
        let rule = try rule(name, byzantine: 2)
        let first = try CohortAggregation(strategy: FedAvg(), robustRule: rule, threads: 1)
            .nextGlobal(from: round.global, updates: round.updates)
        for threads in [1, 2, 3] {
            let again = try CohortAggregation(strategy: FedAvg(), robustRule: rule, threads: threads)
                .nextGlobal(from: round.global, updates: round.updates.shuffled(using: &generator))
            #expect(again == first)
        }
        guard !rule.combinesCoordinates else { return }
        let flex = try (1...2).map { threads in
            try CohortAggregation(strategy: FlexLoRA(), robustRule: rule, threads: threads)
                .nextGlobal(from: round.global, updates: round.updates.shuffled(using: &generator))
        }
        #expect(flex[0] == flex[1])
    }

    @Test("serves every strategy that a rule says it goes with", arguments: StrategyRegistry.names)
    func everyStrategy(_ strategyName: String) throws {
        let strategy = try StrategyRegistry.strategy(named: strategyName)
        let ranks = strategy.profile.ranks == .mixed ? [4, 2, 4, 3] : [4]
        let round = try AttackedRound(of: strategy, ranks: ranks, by: try #require(Self.attacks["scaled change"]))
        let trusting = CohortAggregation(strategy: strategy)
        let honest = try trusting.nextGlobal(from: round.global, updates: round.honest)
        let spoilt = try trusting.nextGlobal(from: round.global, updates: round.updates)
        var served = 0
        for name in RobustRegistry.names.dropFirst() {
            let rule = try rule(name, byzantine: 2)
            guard (try? rule.check(goesWith: strategy.profile)) != nil else { continue }
            let kept = try [1, 2].map { threads in
                try CohortAggregation(strategy: strategy, robustRule: rule, threads: threads)
                    .nextGlobal(from: round.global, updates: round.updates)
            }
            #expect(kept[0] == kept[1])
            // Where the result is in the base model, the adapter says nothing about it.
            if name != "bulyan", !strategy.profile.changesBaseModel {
                #expect(kept[0].distance(to: honest) < 0.1 * spoilt.distance(to: honest), "\(name)")
            }
            served += 1
        }
        #expect(served >= 3)
    }

    @Test("changes nothing when nobody trained", arguments: ["norm-bound", "krum", "geometric-median", "median"])
    func fixedPoint(_ name: String) throws {
        let global = Cohort(rank: 4).global
        for strategy in [FedAvg() as any AggregationStrategy, FlexLoRA()] {
            let rule = try rule(name, byzantine: 1)
            guard !rule.combinesCoordinates || strategy.profile.averages == .factors else { continue }
            let updates = (0..<5).map { ClientUpdate(client: ClientID("\($0)"), weight: 1, adapter: global) }
            let next = try CohortAggregation(strategy: strategy, robustRule: rule)
                .nextGlobal(from: global, updates: updates)
            #expect(next.distance(to: global) < 1e-6)
        }
    }

    @Test("leaves out clients of weight 0, and needs enough of the others")
    func tooFew() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (0..<7).map {
            try cohort.update("client-\($0)", rank: 4, weight: $0 < 5 ? 1 : 0, of: FedAvg())
        }
        let aggregation = CohortAggregation(strategy: FedAvg(), robustRule: Krum(byzantine: 2))
        let error = #expect(throws: AggregationError.tooFewUpdates(rule: "krum", needed: 7, found: 5)) {
            try aggregation.nextGlobal(from: cohort.global, updates: updates)
        }
        #expect(error?.description.contains("7 updates") == true)
    }

    @Test("refuses values that are not finite before it measures anything", arguments: [Float.nan, .infinity])
    func notFinite(_ value: Float) throws {
        var cohort = Cohort(rank: 4)
        var updates = try (0..<5).map { try cohort.update("client-\($0)", rank: 4, weight: 1, of: FedAvg()) }
        var spoilt = updates[3].adapter.resident()
        spoilt.modules["layer.1.value"]?.b[2, 1] = value
        updates[3] = ClientUpdate(client: updates[3].client, weight: 1, adapter: spoilt)
        for name in ["krum", "median", "geometric-median", "norm-bound"] {
            let aggregation = CohortAggregation(strategy: FedAvg(), robustRule: try rule(name, byzantine: 1))
            #expect(
                throws: AggregationError.notFinite(client: updates[3].client, tensor: "layer.1.value.lora_B.weight")
            ) {
                try aggregation.nextGlobal(from: cohort.global, updates: updates)
            }
        }
    }

    // MARK: - What goes with what

    @Test("refuses coordinates where clients have none in common, and says what to use")
    func combinations() throws {
        for name in ["median", "trimmed-mean", "bulyan"] {
            let rule = try rule(name, byzantine: 1)
            try rule.check(goesWith: FedAvg().profile)
            try rule.check(goesWith: FFALoRA().profile)
            let error = #expect(throws: AggregationError.self) { try rule.check(goesWith: FlexLoRA().profile) }
            #expect(error?.description.hasPrefix("`robust.rule` is '\(name)'") == true)
            #expect(error?.description.contains("geometric-median") == true)
            var mixed = FedAvg().profile
            mixed.ranks = .mixed
            #expect(throws: AggregationError.self) { try rule.check(goesWith: mixed) }
        }
        for name in ["krum", "multi-krum", "geometric-median", "norm-bound"] {
            try rule(name, byzantine: 1).check(goesWith: FlexLoRA().profile)
        }
    }

    @Test("refuses weights for a strategy that has its own")
    func weights() throws {
        let profile = HetLoRA().profile
        try Krum(byzantine: 1).check(goesWith: profile)
        let error = #expect(throws: AggregationError.self) { try GeometricMedian().check(goesWith: profile) }
        #expect(error?.description.contains("hetlora has weights of its own") == true)
    }

    @Test("says at reading how many clients a round needs")
    func minimum() throws {
        try Krum(byzantine: 1).check(minimumOfCohort: 5)
        let error = #expect(throws: AggregationError.self) { try Bulyan(byzantine: 1).check(minimumOfCohort: 6) }
        #expect(error?.description.contains("`cohort.minimum` is 6") == true)
        #expect(error?.description.contains("minimum: 7") == true)
    }

    @Test(
        "needs as many clients as it takes for a median or a trimmed mean to be more than a mean",
        arguments: [
            (CoordinateStatistic(.median), 3), (CoordinateStatistic(.trimmedMean(0.1)), 10),
            (CoordinateStatistic(.trimmedMean(0.29)), 4), (CoordinateStatistic(.trimmedMean(1.0 / 3)), 3),
            (CoordinateStatistic(.trimmedMean(0.4)), 3), (CoordinateStatistic(.trimmedMean(0)), 1),
            (CoordinateStatistic(.trimmedMean(Double.leastNonzeroMagnitude)), Int.max),
        ]
    )
    func minimumOfCoordinates(_ rule: CoordinateStatistic, _ needed: Int) {
        #expect(rule.minimumUpdates == needed)
        guard case .trimmedMean(let share) = rule.kind, share > 0, needed < .max else { return }
        #expect(CoordinateRule.trimmedMean(share).fixedPart(count: needed)?.lowerBound == 1)
        #expect(CoordinateRule.trimmedMean(share).fixedPart(count: needed - 1)?.lowerBound == 0)
    }
}
