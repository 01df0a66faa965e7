/// What an optimizer carries from step to step, a number for each parameter.
package struct OptimizerMoments: Sendable, Equatable {
    /// The first moment of AdamW, or the velocity of SGD.
    package var first: [Float]
    /// The second moment of AdamW; empty for SGD.
    package var second: [Float]

    package init(first: [Float], second: [Float]) {
        self.first = first
        self.second = second
    }
}
