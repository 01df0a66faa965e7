import DifferentialPrivacy
import LinearAlgebra
import TestSupport
import Testing

@Suite("Poisson samples")
struct PoissonSamplingTests {
    @Test("choose each with the probability stated, independently", .tags(.numerics), arguments: [0.01, 0.3, 0.999])
    func rate(_ rate: Double) throws {
        var generator = SecureGenerator(key: try .fixed())
        let sampling = try PoissonSampling(rate: rate)
        let chosen = sampling.chosen(among: 1_000_000, using: &generator)
        #expect(chosen == chosen.sorted() && Set(chosen).count == chosen.count)
        let deviation = (1e6 * rate * (1 - rate)).squareRoot()
        #expect(abs(Double(chosen.count) - 1e6 * rate) < 5 * deviation)
        // Neighbours are chosen together as often as rate².
        let pairs = zip(chosen, chosen.dropFirst()).count { $1 == $0 + 1 }
        #expect(abs(Double(pairs) - 1e6 * rate * rate) < 8 * deviation)
    }

    @Test("are everybody at a rate of one, and may be nobody")
    func extremes() throws {
        var generator = CounterGenerator(seed: 1)
        #expect(try PoissonSampling(rate: 1).chosen(among: 5, using: &generator) == [0, 1, 2, 3, 4])
        #expect(try PoissonSampling(rate: 1e-12).chosen(among: 5, using: &generator).isEmpty)
        #expect(try PoissonSampling(rate: 0.5).chosen(among: 0, using: &generator).isEmpty)
        #expect(try PoissonSampling(rate: 1.0.nextDown).chosen(among: 1_000, using: &generator).count == 1_000)
    }

    @Test("follow from the generator's key")
    func key() throws {
        func sample(_ number: UInt8) throws -> [Int] {
            var generator = SecureGenerator(key: try .fixed(number))
            return try PoissonSampling(rate: 0.2).chosen(among: 2_000, using: &generator)
        }
        #expect(try sample(0) == sample(0))
        #expect(try sample(0) != sample(1))
    }

    @Test("are refused at rates that are no probabilities", arguments: [0, -0.1, 1.0001, .nan, .infinity])
    func refusal(_ rate: Double) {
        #expect(throws: PrivacyError.self) { try PoissonSampling(rate: rate) }
    }
}
