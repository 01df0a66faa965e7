import LinearAlgebra
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Noise trees", .tags(.numerics))
struct NoiseTreeTests {
    private let mechanism: GaussianMechanism
    private let tree: NoiseTree

    init() throws {
        let grid = try FixedPointGrid(clippingNorm: 1, dimension: 20_000)
        mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: 1)
        tree = NoiseTree(mechanism, key: try .fixed())
    }

    private func variance(_ steps: [Int64]) -> Double {
        let deviation = mechanism.sampler.deviation
        return steps.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(steps.count) / (deviation * deviation)
    }

    @Test("have the noise of each prefix in one node for each bit of its length")
    func prefixes() {
        var sum = [Int64](repeating: 0, count: 20_000)
        for step in 1...34 {
            sum = zip(sum, tree.increment(at: step).steps).map(+)
            #expect(sum == tree.prefix(through: step).steps, "step \(step)")
            // 20,000 numbers give a variance to within 1 %, one standard error.
            #expect(abs(variance(sum) / Double(step.nonzeroBitCount) - 1) < 0.05, "step \(step)")
        }
    }

    @Test("keep nodes: what a later prefix adds is another node's noise")
    func nodes() {
        let (eight, twelve) = (tree.prefix(through: 8).steps, tree.prefix(through: 12).steps)
        #expect(abs(variance(zip(twelve, eight).map(-)) - 1) < 0.05)
        #expect(tree.prefix(through: 4).steps != zip(twelve, eight).map(-))
    }

    @Test("grow again from the key, and another way from another key")
    func keys() throws {
        #expect(NoiseTree(mechanism, key: try .fixed()).increment(at: 12).steps == tree.increment(at: 12).steps)
        #expect(NoiseTree(mechanism, key: try .fixed(1)).increment(at: 12).steps != tree.increment(at: 12).steps)
        // No node shares its numbers with a plain release of the same key.
        #expect(mechanism.noise(from: try .fixed()).steps != tree.increment(at: 1).steps)
    }

    @Test("release prefix sums when each step begins with its increment")
    func rounds() throws {
        let grid = try FixedPointGrid(clippingNorm: 1, dimension: 3)
        let tree = NoiseTree(try GaussianMechanism(grid: grid, noiseMultiplier: 1), key: try .fixed())
        var released = [Int64](repeating: 0, count: 3)
        for step in 1...7 {
            var sum = PrivateSum(startingWith: tree.increment(at: step), on: grid)
            try sum.add(EncodedUpdate(steps: [10, 0, -1], isClipped: false))
            released = zip(released, sum.steps).map(+)
        }
        #expect(zip(released, tree.prefix(through: 7).steps).map(-) == [70, 0, -7])
    }
}
