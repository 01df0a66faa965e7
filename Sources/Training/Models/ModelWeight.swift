import Adapters

/// A matrix of the base model: in place in the mapped file, or converted once when the file holds other numbers.
struct ModelWeight: Sendable {
    private enum Storage: Sendable {
        case mapped(SafetensorsFile, SafetensorsHeader.Tensor)
        case converted([Float])
    }

    private let storage: Storage

    /// Takes a tensor of `file`; 32-bit floats stay where they are.
    init(_ tensor: SafetensorsHeader.Tensor, in file: SafetensorsFile) throws {
        // A mapping starts at a page, so what is aligned in the file is aligned in memory.
        if tensor.elementType == .f32, tensor.range.lowerBound.isMultiple(of: MemoryLayout<Float>.alignment) {
            storage = .mapped(file, tensor)
        } else {
            storage = .converted(try file.floats(of: tensor))
        }
    }

    /// Takes elements that are in memory, row by row.
    init(_ elements: [Float]) {
        storage = .converted(elements)
    }

    /// Lends the elements, row by row.
    func withElements<Result>(_ body: (Span<Float>) -> Result) -> Result {
        switch storage {
        case .converted(let elements): return body(elements.span)
        case .mapped(let file, let tensor):
            do {
                return try file.withFloats(of: tensor, body)
            } catch {
                preconditionFailure("a mapped tensor of 32-bit floats cannot be lent: \(error)")
            }
        }
    }
}
