import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("The law of a discrete Gaussian", .tags(.numerics))
struct DiscreteGaussianLawTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let deviation: Double
        let indexBits: Int
        let weights: [(value: Int, weight: String)]
        var testDescription: String { "σ = \(deviation)" }
    }

    /// From mpmath with 500 bits: nint(exp(−x²/2σ²)/Σ · 2^(112 + b)).
    private static let cases = [
        Case(
            deviation: 0.25,
            indexBits: 3,
            weights: [
                (0, "7fea07a50177e9d127d970ea8c12a"), (1, "afc2d7f42431f6d72d15928bff"), (2, "1c7f7fea0763190ab3"),
                (3, "8b9"),
            ]
        ),
        Case(
            deviation: 0.75,
            indexBits: 5,
            weights: [
                (0, "110561dd4023805d70321ef7bf7d8e"), (1, "6ff5f97d798057576a5833997a989"),
                (2, "7c7886cec70d579f89473a400717"), (5, "105433248a773d93ad77c1"), (9, "1293"),
            ]
        ),
        Case(
            deviation: 17.3,
            indexBits: 9,
            weights: [
                (0, "bce8d8107ddece19e157610b14553"), (1, "bc981e6bfa6797f2d7af02554adf9"),
                (5, "b52ea074e88258f32ec3a738b1e1b"), (40, "d0b1689f5500abee45028d1affba"),
                (150, "2848c62914283c39"), (207, "1386"),
            ]
        ),
        Case(
            deviation: 341,
            indexBits: 13,
            weights: [
                (0, "9957f5344657792ca9ede5599c6c7"), (1, "9957c9fdf700221f5707fe85be156"),
                (100, "92e3c1877905641e1d62b287dda86"), (1000, "214af4f2597175e7b6252f1b45dc"),
                (3000, "ac5b4a0fecb50c2"), (4092, "a75"),
            ]
        ),
    ]

    @Test("has probabilities within 2⁻¹⁰⁷ of exact ones", arguments: cases)
    func golden(_ test: Case) throws {
        let law = DiscreteGaussianLaw(deviation: test.deviation)
        #expect(law.indexBits == test.indexBits)
        #expect(law.weights.count == law.reach + 1)
        // 2⁻¹⁰⁷ in units of 2⁻⁽ᵇ⁺¹¹²⁾.
        let tolerance = UInt128(1) << (5 + law.indexBits)
        for (value, weight) in test.weights {
            let expected = try #require(UInt128(weight, radix: 16))
            let found = law.weights[value]
            #expect(max(found, expected) - min(found, expected) <= tolerance, "P(\(value))")
        }
    }

    @Test("adds up to one exactly", arguments: [0.25, 0.5, 1, 2.71828, 33, 200.5, 341])
    func certainty(deviation: Double) {
        let law = DiscreteGaussianLaw(deviation: deviation)
        #expect(law.weights[0] + 2 * law.weights.dropFirst().reduce(0, +) == UInt128(1) << (112 + law.indexBits))
        #expect(zip(law.weights, law.weights.dropFirst()).allSatisfy { $0 >= $1 })
    }

    @Test("is divided between columns exactly", arguments: [0.25, 1, 17.3, 341])
    func columns(deviation: Double) {
        let law = DiscreteGaussianLaw(deviation: deviation)
        let weights = law.weights.dropFirst().reversed() + law.weights
        let table = AliasTable(weights: weights, indexBits: law.indexBits)
        #expect(Array(table.weights.prefix(weights.count)) == weights)
        #expect(table.weights.dropFirst(weights.count).allSatisfy { $0 == 0 })
    }

    @Test("is looked up by column and threshold, at both ends of each column")
    func lookUp() {
        // Three values of 1/2, 3/8 and 1/8 in four columns.
        let eighth = UInt128(1) << 111
        let table = AliasTable(weights: [4 * eighth, 3 * eighth, eighth], indexBits: 2)
        var hits = [0, 0, 0, 0]
        for column in 0..<4 as Range<UInt64> {
            // In each half of a column, its first and its last random number.
            for half in 0..<2 as Range<UInt64> {
                let first = table.value(half << 63, column)
                let last = table.value(half << 63 | .max >> 1, .max << 16 | column)
                #expect(first == last)
                hits[first] += 1
            }
        }
        #expect(hits == [4, 3, 1, 0])
    }
}
