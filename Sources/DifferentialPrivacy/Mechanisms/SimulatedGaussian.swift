package import LinearAlgebra

/// Gaussian noise in floating point from a seed, for simulations only.
///
/// It has the distribution that accountants assume and none of the guarantees: who knows the seed can subtract it, and the
/// low bits of a floating-point sum tell what was added. Live rounds use ``GaussianMechanism``.
package struct SimulatedGaussian: Sendable {
    /// σ, at least 0.
    package let deviation: Double
    private var generator: CounterGenerator

    package init(deviation: Double, generator: CounterGenerator) {
        self.deviation = deviation
        self.generator = generator
    }

    /// Adds noise to each number, as far as the next numbers of the generator go.
    package mutating func add(to values: inout [Float]) {
        for index in values.indices {
            values[index] += Float(deviation * generator.gaussian())
        }
    }
}
