import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct GeometricMedianTests {
    private func point(_ vectors: [[Double]], _ weights: [Double], iterations: Int) -> [Double] {
        let found = GeometricMedian(iterations: iterations).weights(from: weights, changes: InnerProducts(of: vectors))
        return vectors[0].indices.map { column in zip(found, vectors).reduce(0) { $0 + $1.0 * $1.1[column] } }
    }

    static let triangle: [[Double]] = [[0, 0], [1, 0], [0, 1]]

    /// Smoothed Weiszfeld from the mean; the limit is the Fermat point, (3 − √3)/6 in both coordinates.
    @Test(
        "walks to the Fermat point of a triangle",
        arguments: zip([1, 2, 3, 4], [0.27924, 0.25270, 0.23767, 0.22854])
    )
    func golden(_ iterations: Int, _ expected: Double) {
        let found = point(Self.triangle, [1.0 / 3, 1.0 / 3, 1.0 / 3], iterations: iterations)
        #expect(abs(found[0] - expected) < 5e-6)
        #expect(abs(found[0] - found[1]) < 1e-12)
    }

    @Test("stops where the distances stand still")
    func limit() {
        let found = point(Self.triangle, [1.0 / 3, 1.0 / 3, 1.0 / 3], iterations: 1000)
        #expect(abs(found[0] - (3 - 3.0.squareRoot()) / 6) < 1e-5)
    }

    @Test("stays with a client that outweighs all others")
    func majority() {
        let found = point([[5, 5], [0, 0], [9, -4]], [0.6, 0.2, 0.2], iterations: 200)
        #expect(abs(found[0] - 5) < 1e-2 && abs(found[1] - 5) < 1e-2)
    }

    @Test("gives equal clients their weights, and divides no zero by zero")
    func duplicates() {
        let changes = InnerProducts(of: [[1, 2], [1, 2], [1, 2]])
        let found = GeometricMedian().weights(from: [0.2, 0.3, 0.5], changes: changes)
        #expect(largestDifference(found, [0.2, 0.3, 0.5]) < 1e-15)
        #expect(GeometricMedian().weights(from: [1], changes: InnerProducts(of: [[0, 0]])) == [1])
    }

    @Test("does not depend on what all changes have in common")
    func translation() {
        let moved = Self.triangle.map { [$0[0] + 1000, $0[1] - 500] }
        let (here, there) = (
            GeometricMedian().weights(from: [0.2, 0.3, 0.5], changes: InnerProducts(of: Self.triangle)),
            GeometricMedian().weights(from: [0.2, 0.3, 0.5], changes: InnerProducts(of: moved))
        )
        // Squares of 10⁶ in 64 bits, over a hundred iterations.
        #expect(largestDifference(here, there) < 1e-5)
    }

    @Test(
        "moves by less than the spread of the honest, however far a minority goes",
        arguments: [10.0, 1e3, 1e6, 1e12, 1e20]
    )
    func breakdown(_ distance: Double) {
        var generator = CounterGenerator(seed: 8)
        let honest = (0..<7).map { _ in (0..<6).map { _ in generator.gaussian() } }
        let attackers = (0..<3).map { _ in [Double](repeating: distance, count: 6) }
        let weights = [Double](repeating: 0.1, count: 10)
        let found = point(honest + attackers, weights, iterations: GeometricMedian.standardIterations)
        let norm = found.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(norm < 6)
        // The few iterations of the paper are not enough for that.
        if distance >= 1e3 {
            let early = point(honest + attackers, weights, iterations: 4)
            #expect(early[0] > distance / 1000)
        }
    }

    @Test("agrees with NumPy on random points")
    func reference() throws {
        for test in try RobustReference.load().vectors {
            for (iterations, expected) in [(4, test.geometricMedian), (100, test.convergedMedian)] {
                let found = GeometricMedian(iterations: iterations).weights(from: test.shares, changes: test.changes)
                #expect(largestDifference(found, expected) < 1e-8)
            }
        }
    }

    @Test("does not follow a client that claims more examples than all others", arguments: [400.0, 1e7, 1e15])
    func claims(_ count: Double) throws {
        let honest: [[Double]] = [[0, 0], [1, 0], [0, 1], [1, 1]]
        let weights = [count, 100, 100, 100, 100].map { $0 / (count + 400) }
        let verdict = GeometricMedian().verdict(weights: weights, changes: InnerProducts(of: [[1000, 0]] + honest))
        let found = try #require(verdict.weights)
        // Three sevenths at most, and then pulled back to the honest ones.
        #expect(found[0] < 0.01)
        #expect(abs(found.reduce(0, +) - 1) < 1e-12)
    }

    @Test("leaves weights of up to three times the one in the middle as they are")
    func uncapped() throws {
        let changes = InnerProducts(of: [[0, 0], [3, 1], [0, 2], [1, 1]])
        // Between 0.2 and 0.21 lies the middle, and 0.5 is less than three times that.
        let weights = [0.09, 0.2, 0.21, 0.5]
        let verdict = GeometricMedian().verdict(weights: weights, changes: changes)
        #expect(verdict.weights == GeometricMedian().weights(from: weights, changes: changes))
    }
}
