import LinearAlgebra
private import Synchronization

/// A frozen weight in the layouts that products read, each made when it is first needed.
///
/// Evaluations never need the one for the way back, nor do layers below the first adapter. They are shared by all that
/// hold the weight and never change.
final class PreparedWeight: Sendable {
    private let weight: ModelWeight
    private let inputWidth: Int
    private let outputWidth: Int
    /// Wᵀ, in×out.
    private let forward = Mutex<PackedMatrix?>(nil)
    /// W, out×in.
    private let back = Mutex<PackedMatrix?>(nil)

    init(_ weight: ModelWeight, inputWidth: Int, outputWidth: Int) {
        self.weight = weight
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
    }

    /// Wᵀ, in×out: what inputs are multiplied by.
    var forForward: PackedMatrix {
        forward.withLock { prepared in
            if let prepared { return prepared }
            let packed = weight.withElements {
                PackedMatrix($0, .transposed, rows: inputWidth, columns: outputWidth)
            }
            prepared = packed
            return packed
        }
    }

    /// W, out×in: what gradients of outputs are multiplied by.
    var forBack: PackedMatrix {
        back.withLock { prepared in
            if let prepared { return prepared }
            let packed = weight.withElements { PackedMatrix($0, rows: outputWidth, columns: inputWidth) }
            prepared = packed
            return packed
        }
    }
}
