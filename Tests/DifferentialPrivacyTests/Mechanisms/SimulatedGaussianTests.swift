import DifferentialPrivacy
import LinearAlgebra
import TestSupport
import Testing

@Suite("Simulated Gaussian noise", .tags(.numerics))
struct SimulatedGaussianTests {
    @Test("has its standard deviation and follows from the seed")
    func noise() {
        func noised() -> [Float] {
            var gaussian = SimulatedGaussian(deviation: 0.25, generator: CounterGenerator(seed: 9))
            var values = [Float](repeating: 2, count: 100_000)
            gaussian.add(to: &values)
            return values
        }
        let values = noised()
        #expect(values == noised())
        let mean = values.reduce(0.0) { $0 + Double($1) } / 1e5
        let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 1e5
        // 100,000 numbers: one standard error is 0.0008 and 0.22 %.
        #expect(abs(mean - 2) < 0.004)
        #expect(abs(variance.squareRoot() / 0.25 - 1) < 0.01)
    }
}
