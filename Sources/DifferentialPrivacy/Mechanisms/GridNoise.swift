/// Noise in steps of a grid, that a sum begins with.
package struct GridNoise: Sendable {
    /// One integer a number.
    let steps: [Int64]

    init(steps: [Int64]) { self.steps = steps }

    /// No noise: the sum is not private.
    package static func none(on grid: FixedPointGrid) -> GridNoise {
        GridNoise(steps: [Int64](repeating: 0, count: grid.dimension))
    }
}
