import LinearAlgebra
import Testing

@testable import LinearAlgebra

struct CounterGeneratorTests {
    /// Known answers of the Random123 distribution for philox4x32-10.
    @Test("reproduces the published known answers")
    func knownAnswers() {
        let zero = CounterGenerator.block(counter: (0, 0, 0, 0), key: (0, 0))
        #expect([zero.0, zero.1, zero.2, zero.3] == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let ones = CounterGenerator.block(counter: (.max, .max, .max, .max), key: (.max, .max))
        #expect([ones.0, ones.1, ones.2, ones.3] == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    }

    @Test("draws the same numbers again from the same seed and stream, and others from another")
    func streams() {
        func draws(_ seed: UInt64, _ stream: [UInt64]) -> [UInt64] {
            var generator = CounterGenerator(seed: seed, stream: stream)
            return (0..<100).map { _ in generator.next() }
        }
        #expect(draws(1, [2, 3]) == draws(1, [2, 3]))
        #expect(draws(1, [2, 3]) != draws(1, [3, 2]))
        #expect(draws(1, [2, 3]) != draws(2, [2, 3]))
    }

    @Test("has normal deviates with the mean and variance of the normal distribution")
    func gaussianMoments() {
        var generator = CounterGenerator(seed: 7)
        let count = 100_000
        let draws = (0..<count).map { _ in generator.gaussian() }
        let mean = draws.reduce(0, +) / Double(count)
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        // Five standard errors: 1/√n for the mean, √(2/n) for the variance.
        #expect(abs(mean) < 5 / Double(count).squareRoot())
        #expect(abs(variance - 1) < 5 * (2 / Double(count)).squareRoot())
    }
}
