/// One participant's update on a grid.
package struct EncodedUpdate: Sendable, Hashable {
    /// The numbers, in steps of the grid.
    package var steps: [Int32]
    /// Whether the update was longer than the clipping norm before it was put on the grid.
    ///
    /// Only the participant knows: what it sends is within the norm.
    package var isClipped: Bool

    package init(steps: [Int32], isClipped: Bool) {
        self.steps = steps
        self.isClipped = isClipped
    }

    /// Their squared L2 norm, exactly.
    package var squaredNorm: UInt128 {
        steps.reduce(0) { $0 + UInt128(UInt64($1.magnitude) * UInt64($1.magnitude)) }
    }
}
