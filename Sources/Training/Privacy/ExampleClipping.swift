import Adapters
import LinearAlgebra

/// How the gradients of single texts are clipped before they are summed.
struct ExampleClipping: Sendable {
    /// The largest norm of a text's gradient, jointly over all that is trained.
    let norm: Double
    /// Which factors count, beside the head.
    let trained: TrainedFactors
    /// The frozen B's of modules whose core is trained, by where their gradient lies.
    var bases: [Range<Int>: Matrix] = [:]

    /// Returns what a gradient of the given norm is multiplied with: min(1, C/norm).
    func weight(ofNorm norm: Double) -> Double { norm > self.norm ? self.norm / norm : 1 }
}
