import Testing

@testable import Aggregation

struct RobustRegistryTests {
    @Test("makes every rule that it names")
    func names() throws {
        #expect(
            RobustRegistry.names == [
                "none", "norm-bound", "median", "trimmed-mean", "krum", "multi-krum", "bulyan", "geometric-median",
            ]
        )
        for name in RobustRegistry.names {
            let needsCount = ["krum", "multi-krum", "bulyan"].contains(name)
            let rule = try RobustRegistry.rule(RobustSettings(rule: name, byzantine: needsCount ? 1 : nil))
            #expect((rule == nil) == (name == "none"))
        }
    }

    @Test("passes the settings on")
    func settings() throws {
        let multi = try #require(try RobustRegistry.rule(.init(rule: "multi-krum", byzantine: 2)) as? Krum)
        #expect(multi == Krum(byzantine: 2, keeping: .nearest))
        let bound = try #require(try RobustRegistry.rule(.init(rule: "norm-bound", norm: 2.5)) as? NormBounding)
        #expect(bound == NormBounding(.fixed(2.5)))
        let adaptive = try #require(try RobustRegistry.rule(.init(rule: "norm-bound")) as? NormBounding)
        #expect(adaptive == NormBounding(.median))
        let trimmed = try #require(
            try RobustRegistry.rule(.init(rule: "trimmed-mean", trim: 0.3)) as? CoordinateStatistic
        )
        #expect(trimmed == CoordinateStatistic(.trimmedMean(0.3)))
        let median = try #require(
            try RobustRegistry.rule(.init(rule: "geometric-median", iterations: 9)) as? GeometricMedian
        )
        #expect(median == GeometricMedian(iterations: 9))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let settings: RobustSettings
        let key: String
        let words: String
        var testDescription: String { "\(key) of \(settings.rule)" }
    }

    static let refusals = [
        Refusal(settings: .init(rule: "krum"), key: "robust.byzantine", words: "missing"),
        Refusal(settings: .init(rule: "krum", byzantine: -1), key: "robust.byzantine", words: "-1"),
        Refusal(settings: .init(rule: "bulyan", byzantine: .max), key: "robust.byzantine", words: "out of range"),
        Refusal(settings: .init(rule: "median", byzantine: 1), key: "robust.byzantine", words: "no effect"),
        Refusal(settings: .init(rule: "none", trim: 0.1), key: "robust.trim", words: "no effect"),
        Refusal(settings: .init(rule: "trimmed-mean", trim: 0.5), key: "robust.trim", words: "below 0.5"),
        Refusal(settings: .init(rule: "trimmed-mean", trim: .nan), key: "robust.trim", words: "nan"),
        Refusal(settings: .init(rule: "norm-bound", norm: 0), key: "robust.norm", words: "above 0"),
        Refusal(settings: .init(rule: "norm-bound", norm: .infinity), key: "robust.norm", words: "inf"),
        Refusal(settings: .init(rule: "geometric-median", iterations: 0), key: "robust.iterations", words: "from 1"),
        Refusal(
            settings: .init(rule: "krum", byzantine: 1, iterations: 3),
            key: "robust.iterations",
            words: "no effect"
        ),
    ]

    @Test("refuses values that mean nothing, naming the key", arguments: refusals)
    func refuses(_ test: Refusal) throws {
        let error = try #require(throws: AggregationError.self) { try RobustRegistry.rule(test.settings) }
        guard case .unsuitableSetting(let key, _, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(key == test.key)
        #expect(error.description.contains(test.words))
        #expect(error.description.hasPrefix("`\(test.key)` "))
    }

    @Test("lists the known rules when a name is unknown")
    func unknown() {
        let error = #expect(throws: AggregationError.self) { try RobustRegistry.rule(.init(rule: "kurm")) }
        #expect(error?.description.contains("geometric-median") == true)
    }
}
