import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Clopper–Pearson intervals", .tags(.numerics))
struct BinomialIntervalTests {
    struct Case: Sendable {
        let successes: Int
        let trials: Int
        let lower: Double
        let upper: Double
    }

    @Test(
        "agree with SciPy's beta quantiles",
        arguments: [
            Case(successes: 0, trials: 10, lower: 0, upper: 0.3084971078187607),
            Case(successes: 5, trials: 10, lower: 0.18708602844739855, upper: 0.8129139715526015),
            Case(successes: 10, trials: 10, lower: 0.6915028921812392, upper: 1),
            Case(successes: 3, trials: 1_000, lower: 0.0006190999316495713, upper: 0.008742023238478303),
            Case(successes: 997, trials: 1_000, lower: 0.9912579767615217, upper: 0.9993809000683505),
            Case(successes: 12_345, trials: 1_000_000, lower: 0.01212949382560612, upper: 0.012563337660712826),
        ]
    )
    func golden(_ test: Case) {
        let interval = BinomialInterval(successes: test.successes, trials: test.trials)
        // The tail's largest term comes from logarithms of factorials as large as 10⁷, good to nine digits.
        #expect(abs(interval.lowerBound(error: 0.025) - test.lower) <= 1e-8 * test.lower)
        #expect(abs(interval.upperBound(error: 0.025) - test.upper) <= 1e-8 * test.upper)
    }
}
