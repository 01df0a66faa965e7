/// A dense matrix of 32-bit floats, stored row by row.
///
/// A value type over one contiguous array: copies share storage until one of them is written to. Kernels reach the
/// storage through ``withElements(_:)`` and ``withMutableElements(_:)``, which lend a span and never a pointer.
package struct Matrix: Sendable, Hashable, Codable {
    package let rows: Int
    package let columns: Int
    /// The elements in row-major order; `rows * columns` of them.
    package private(set) var elements: [Float]

    /// Creates a matrix of zeros.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix cannot be \(rows)×\(columns)")
        self.rows = rows
        self.columns = columns
        self.elements = [Float](repeating: 0, count: rows * columns)
    }

    /// Creates a matrix from its elements in row-major order.
    ///
    /// - Precondition: `elements` holds `rows * columns` values. Sizes that come from outside are checked by the reader.
    package init(rows: Int, columns: Int, elements: [Float]) {
        precondition(
            rows >= 0 && columns >= 0 && elements.count == rows * columns,
            "\(elements.count) elements do not fill \(rows)×\(columns)"
        )
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// Creates a matrix from rows of equal length.
    package init(_ rows: [[Float]]) {
        let columns = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == columns }, "rows differ in length")
        self.init(rows: rows.count, columns: columns, elements: Array(rows.joined()))
    }

    package subscript(row: Int, column: Int) -> Float {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }

    /// How many elements the matrix has.
    package var count: Int { elements.count }

    /// Lends the elements, row by row, for the length of the call.
    package func withElements<Result, Failure: Error>(
        _ body: (Span<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(elements.span)
    }

    /// Lends the elements for writing, for the length of the call.
    package mutating func withMutableElements<Result, Failure: Error>(
        _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var span = elements.mutableSpan
        return try body(&span)
    }
}
