import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// Updates that no strategy may let in, and what is left of the round when one comes.
struct RejectionTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// One way to spoil an update of rank 4 on `Cohort(rank: 4)`.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let spoil: @Sendable (inout LoRAAdapter) -> Void
        /// The factor whose values are spoilt; one that is frozen is refused for differing at all.
        var factor: TrainedFactors?
        let error: @Sendable (ClientID) -> AggregationError

        func error(of client: ClientID, from test: StrategyUnderTest) -> AggregationError {
            switch (error(client), factor) {
            case (.notFinite(let client, let tensor), .some(let factor))
            where factor != test.trained && test.trained != .both:
                .frozenFactorDiffers(client: client, tensor: tensor)
            case (let error, _):
                error
            }
        }

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "NaN in A",
            spoil: {
                $0.modules["layer.0.query"]?.a[1, 3] = .nan
            },
            factor: .a
        ) {
            .notFinite(client: $0, tensor: "layer.0.query.lora_A.weight")
        },
        Case(
            name: "infinity in B",
            spoil: {
                $0.modules["layer.1.value"]?.b[8, 3] = -.infinity
            },
            factor: .b
        ) {
            .notFinite(client: $0, tensor: "layer.1.value.lora_B.weight")
        },
        Case(name: "NaN in the head") {
            $0.savedTensors["head.weight"]?.elements[5] = .nan
        } error: {
            .notFinite(client: $0, tensor: "head.weight")
        },
        Case(name: "a module less and one more") {
            $0.modules["layer.2.key"] = $0.modules.removeValue(forKey: "layer.0.query")
        } error: {
            .unexpectedTensors(client: $0, missing: ["layer.0.query"], unknown: ["layer.2.key"])
        },
        Case(name: "no head") {
            $0.savedTensors = [:]
        } error: {
            .unexpectedTensors(client: $0, missing: ["head.weight"], unknown: [])
        },
        Case(name: "a head of another shape") {
            $0.savedTensors["head.weight"] = DenseTensor(shape: [3, 2], elements: [1, 2, 3, 4, 5, 6])
        } error: {
            .shapeMismatch(client: $0, tensor: "head.weight", expected: [2, 3], found: [3, 2])
        },
        Case(name: "a layer of another width") {
            $0.modules["layer.0.query"] = LoRAModule(
                a: Matrix(rows: 4, columns: 12),
                b: Matrix(rows: 14, columns: 4),
                alpha: 16
            )
        } error: {
            .shapeMismatch(client: $0, tensor: "layer.0.query.lora_A.weight", expected: [4, 11], found: [4, 12])
        },
        Case(name: "a layer of another height") {
            $0.modules["layer.0.query"] = LoRAModule(
                a: Matrix(rows: 4, columns: 11),
                b: Matrix(rows: 13, columns: 4),
                alpha: 16
            )
        } error: {
            .shapeMismatch(client: $0, tensor: "layer.0.query.lora_B.weight", expected: [14, 4], found: [13, 4])
        },
        Case(name: "an alpha that is not a number") {
            $0.modules["layer.0.query"]?.alpha = .infinity
        } error: { _ in
            .invalidScaling(module: "layer.0.query", alpha: .infinity)
        },
        Case(name: "a tensor and a module that changed places") {
            $0.modules["head.weight"] = $0.modules.removeValue(forKey: "layer.0.query")
            $0.savedTensors["layer.0.query"] = $0.savedTensors.removeValue(forKey: "head.weight")
        } error: {
            .unexpectedTensors(
                client: $0,
                missing: ["head.weight", "layer.0.query"],
                unknown: ["head.weight", "layer.0.query"]
            )
        },
    ]

    @Test(
        "refuses a spoilt update by name, at any weight, and combines the others as if it had not come",
        arguments: StrategyUnderTest.all,
        cases
    )
    func refuses(_ test: StrategyUnderTest, _ spoilt: Case) throws {
        var cohort = try Cohort(rank: 4, for: test)
        let good = try (1...2).map {
            try cohort.update("good-\($0)", rank: 4, weight: 1, of: test.strategy, round: test.round)
        }
        let expected = try test.next(from: cohort.global, good)
        for weight in [0, 2.0] {
            var adapter = good[0].resident
            spoilt.spoil(&adapter)
            let bad = ClientUpdate(client: ClientID("bad"), weight: weight, adapter: adapter)
            #expect(throws: spoilt.error(of: bad.client, from: test)) {
                try test.check(bad, against: cohort.global)
            }
            #expect(throws: spoilt.error(of: bad.client, from: test)) {
                try test.next(from: cohort.global, [good[0], bad, good[1]])
            }
            #expect(try test.next(from: cohort.global, good) == expected)
        }
    }

    @Test(
        "refuses ranks that the global adapter could not have been cut to",
        arguments: StrategyUnderTest.all,
        [0, 2, 5]
    )
    func ranks(_ test: StrategyUnderTest, _ rank: Int) throws {
        let global = try Cohort(rank: 4, for: test).global
        var adapter = global
        adapter.modules["layer.0.query"] = LoRAModule(
            a: Matrix(rows: rank, columns: 11),
            b: Matrix(rows: 14, columns: rank),
            alpha: 16
        )
        let update = ClientUpdate(client: ClientID("odd"), weight: 1, adapter: adapter)
        if test.takesMixedRanks, rank == 2 { return try test.check(update, against: global) }
        let expected: AggregationError =
            test.takesMixedRanks
            ? .rankOutOfRange(client: update.client, module: "layer.0.query", largest: 4, found: rank)
            : .rankMismatch(client: update.client, module: "layer.0.query", expected: 4, found: rank)
        #expect(throws: expected) { try test.check(update, against: global) }
    }

    @Test("refuses a global adapter whose scale cannot be divided by", arguments: StrategyUnderTest.all)
    func globalScale(_ test: StrategyUnderTest) throws {
        var global = try Cohort(rank: 4, for: test).global
        global.modules["layer.0.query"]?.alpha = 0
        let update = ClientUpdate(client: ClientID("one"), weight: 1, adapter: global)
        #expect(throws: AggregationError.invalidScaling(module: "layer.0.query", alpha: 0)) {
            try test.check(update, against: global)
        }
    }

    @Test(
        "refuses a frozen factor that differs by one rounding from what was handed out",
        arguments: StrategyUnderTest.all.filter { $0.trained != .both }
    )
    func frozenFactors(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        let updates = try cohort.updates(for: test)
        var moved: [(tensor: String, adapter: LoRAAdapter)] = []
        if !test.trained.includesA {
            var adapter = updates[2].resident
            adapter.modules["layer.1.value"]?.a[3, 1] = cohort.global.modules["layer.1.value"]?.a[3, 1].nextUp ?? 0
            moved.append(("layer.1.value.lora_A.weight", adapter))
        }
        if !test.trained.includesB {
            var adapter = updates[2].resident
            adapter.modules["layer.1.value"]?.b[0, 2] = cohort.global.modules["layer.1.value"]?.b[0, 2].nextDown ?? 0
            moved.append(("layer.1.value.lora_B.weight", adapter))
        }
        for (tensor, adapter) in moved {
            let bad = updates[2].replacingAdapter(by: adapter)
            let expected = AggregationError.frozenFactorDiffers(client: bad.client, tensor: tensor)
            #expect(throws: expected) { try test.check(bad, against: cohort.global) }
            #expect(throws: expected) { try test.next(from: cohort.global, [updates[0], updates[1], bad]) }
        }
    }

    @Test("refuses a core that is missing, and one that is not finite")
    func cores() throws {
        let test = try #require(StrategyUnderTest.all.first { $0.strategy is FedSB })
        var cohort = try Cohort(rank: 4, for: test)
        let updates = try cohort.updates(for: test)
        let tensor = "layer.0.query.lora_R.weight"
        var adapter = updates[1].resident
        adapter.modules["layer.0.query"]?.core = nil
        let bare = updates[1].replacingAdapter(by: adapter)
        #expect(throws: AggregationError.unexpectedCore(client: bare.client, tensor: tensor, isMissing: true)) {
            try test.next(from: cohort.global, [updates[0], bare])
        }
        adapter = updates[1].resident
        adapter.modules["layer.0.query"]?.core?[3, 3] = .infinity
        let infinite = updates[1].replacingAdapter(by: adapter)
        #expect(throws: AggregationError.notFinite(client: bare.client, tensor: tensor)) {
            try test.next(from: cohort.global, [updates[0], infinite])
        }
    }

    @Test(
        "reports a result that 32-bit floats cannot hold",
        arguments: StrategyUnderTest.all.filter { !($0.strategy is FedSALoRA) }
    )
    func overflow(_ test: StrategyUnderTest) throws {
        // The client's scale is 1e100 times the global one, and so are its product, and its factors at the global scale.
        var cohort = try Cohort(rank: 2, for: test)
        var adapter = try cohort.update("huge", rank: 2, weight: 1, of: test.strategy, round: test.round).resident
        for (path, module) in adapter.modules { adapter.modules[path]?.alpha = module.alpha * 1e100 }
        let update = ClientUpdate(client: ClientID("huge"), weight: 1, adapter: adapter)
        #expect {
            try test.next(from: cohort.global, [update])
        } throws: { error in
            guard case AggregationError.factorizationFailed(module: "layer.0.query", _) = error else { return false }
            return true
        }
    }
}
