import LinearAlgebra

@testable import Training

/// Slopes of a loss along random directions through all parameters, beside those that the gradient says.
///
/// Every element's error shows in them, at the cost of a few passes.
struct CentralDifferences {
    let slopes: [(measured: Double, found: Double)]

    /// - Parameters:
    ///   - pass: Finds the loss.
    ///   - shards: What it is the loss on.
    ///   - adapter: Where the slopes are taken.
    ///   - step: How far the loss is followed in each direction, from the first to the last point.
    ///   - directions: How many are tried.
    init(
        of pass: inout ShardedPass,
        on shards: [TrainingBatch],
        at adapter: ActiveAdapter,
        step: Float,
        directions: Int
    ) {
        var gradient: [Float] = []
        _ = pass.run(shards, adapter: adapter, gradient: &gradient)
        var generator = CounterGenerator(seed: 3)
        var slopes: [(measured: Double, found: Double)] = []
        for _ in 0..<directions {
            var direction = gradient.map { _ in Float(generator.gaussian()) }
            let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for index in direction.indices { direction[index] /= norm }
            func loss(_ distance: Float) -> Double {
                var moved = adapter
                for index in direction.indices { moved.parameters[index] += distance * direction[index] }
                var unused: [Float] = []
                return pass.run(shards, adapter: moved, gradient: &unused)
            }
            // Truncation errors fall as its square, and Richardson's extrapolation removes that term.
            let coarse = (loss(step) - loss(-step)) / Double(2 * step)
            let fine = (loss(step / 2) - loss(-step / 2)) / Double(step)
            let found = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            slopes.append(((4 * fine - coarse) / 3, found))
        }
        self.slopes = slopes
    }
}
