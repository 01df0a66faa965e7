/// A matrix of 32-bit floats that is read where it lies: in memory, or in a mapped file.
///
/// Combining a thousand clients' factors must not copy them first. Copies of the value share the storage; a mapped file
/// stays mapped while any of its matrices lives.
package struct StoredMatrix: Sendable {
    private enum Storage: Sendable {
        case resident(Matrix)
        case mapped(MappedFile, offset: Int)
    }

    package let rows: Int
    package let columns: Int
    private let storage: Storage

    /// Creates a matrix that is in memory.
    package init(_ matrix: Matrix) {
        self.rows = matrix.rows
        self.columns = matrix.columns
        self.storage = .resident(matrix)
    }

    /// Creates a matrix whose elements lie in `file`, row by row, as little-endian 32-bit floats.
    ///
    /// - Returns: `nil` when the elements are not aligned in memory; such a file is read with a copy.
    /// - Precondition: The range lies within the file. Readers check the ranges that a file's header claims first.
    package init?(mapped file: MappedFile, at offset: Int, rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix cannot be \(rows)×\(columns)")
        guard file.withFloats(at: offset, count: rows * columns, { _ in true }) == true else { return nil }
        self.rows = rows
        self.columns = columns
        self.storage = .mapped(file, offset: offset)
    }

    /// How many elements the matrix has.
    package var count: Int { rows * columns }

    /// Lends the elements, row by row, for the length of the call.
    package func withElements<Result, Failure: Error>(
        _ body: (Span<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .resident(let matrix):
            return try matrix.withElements(body)
        case .mapped(let file, let offset):
            guard let result = try file.withFloats(at: offset, count: count, body) else {
                preconditionFailure("a mapping does not move")
            }
            return result
        }
    }

    /// Copies the elements into a matrix in memory; one that is there already is returned as it is.
    package func resident() -> Matrix {
        switch storage {
        case .resident(let matrix):
            matrix
        case .mapped:
            Matrix(
                rows: rows,
                columns: columns,
                elements: withElements { unsafe ElementFormat.binary32.decode($0.bytes) }
            )
        }
    }

    /// Gives back the memory under a mapped matrix, or under some of its elements; they stay readable.
    ///
    /// Does nothing to a matrix in memory. See ``MappedFile/release(_:)``.
    package func release(_ elements: Range<Int>? = nil) {
        guard case .mapped(let file, let offset) = storage else { return }
        let range = elements ?? 0..<count
        let size = MemoryLayout<Float>.size
        file.release(offset + range.lowerBound * size..<offset + range.upperBound * size)
    }

    /// Whether no element is infinite or NaN.
    package var isFinite: Bool { withElements { allFinite($0) } }

    /// Whether both have the same shape and the same bits.
    package func hasSameBits(as other: StoredMatrix) -> Bool {
        guard rows == other.rows, columns == other.columns else { return false }
        return withElements { left in
            other.withElements { right in
                for index in left.indices where left[index].bitPattern != right[index].bitPattern {
                    return false
                }
                return true
            }
        }
    }
}
