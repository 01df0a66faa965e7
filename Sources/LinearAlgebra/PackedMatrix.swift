private import CKernels

/// A matrix laid out as the right-hand factor of products that are taken again and again.
///
/// Rows of a product do not depend on each other: a row has the same bits whether it is multiplied alone or among a
/// thousand. `sgemm` does not promise that, and OpenBLAS (0.3.21) does not keep it: measured on AVX2, rows differ in
/// their last bits unless m is a multiple of 12, because edge tiles are other kernels; on AVX-512 small products take
/// other kernels too. Products that have to agree however rows are grouped are taken here.
///
/// With nothing left to rearrange a product of few rows is also faster: at 16 rows of 384 by 384 twice as fast as
/// `sgemm`, from 256 rows up a few percent.
package struct PackedMatrix: Sendable {
    /// k.
    package private(set) var rows: Int
    /// n.
    package private(set) var columns: Int
    /// Panels of sixteen columns, each k×16 row by row, the last filled up with zeros.
    private var panels: [Float]

    /// Creates an empty matrix, to be filled by ``pack(_:_:rows:columns:stride:)``.
    package init() {
        (rows, columns, panels) = (0, 0, [])
    }

    /// Lays out a matrix; the parameters are those of ``pack(_:_:rows:columns:stride:)``.
    package init(_ elements: Span<Float>, _ orientation: Orientation = .stored, rows: Int, columns: Int) {
        self.init()
        pack(elements, orientation, rows: rows, columns: columns)
    }

    /// Lays out another matrix in the same buffer.
    ///
    /// - Parameters:
    ///   - elements: W, k×n row by row, or n×k when it is read transposed.
    ///   - orientation: How it is read.
    ///   - rows: k.
    ///   - columns: n.
    ///   - stride: How many elements lie between the starts of two stored rows; `nil` for packed ones.
    package mutating func pack(
        _ elements: Span<Float>,
        _ orientation: Orientation = .stored,
        rows: Int,
        columns: Int,
        stride: Int? = nil
    ) {
        let isStored = orientation == .stored
        let (height, width) = isStored ? (rows, columns) : (columns, rows)
        let stride = stride ?? width
        precondition(
            rows >= 0 && columns >= 0 && stride >= width
                && elements.count >= (height == 0 || width == 0 ? 0 : (height - 1) * stride + width),
            "\(elements.count) elements are no \(rows)×\(columns) with rows \(stride) apart"
        )
        (self.rows, self.columns) = (rows, columns)
        let panelWidth = tributary_panel_width
        let count = (columns + panelWidth - 1) / panelWidth * panelWidth * rows
        if panels.count < count { panels += repeatElement(0, count: count - panels.count) }
        unsafe elements.withUnsafeBufferPointer { elements in
            unsafe panels.withUnsafeMutableBufferPointer { panels in
                guard let source = elements.baseAddress, let target = panels.baseAddress else { return }
                unsafe tributary_pack_panels(
                    source,
                    isStored ? stride : 1,
                    isStored ? 1 : stride,
                    rows,
                    columns,
                    target
                )
            }
        }
    }

    /// Y ← op(X)·W, or Y ← Y + op(X)·W.
    ///
    /// - Parameters:
    ///   - x: X, m×k row by row, or k×m when it is read transposed.
    ///   - orientation: How X is read.
    ///   - m: How many rows the product has.
    ///   - y: Y, m×n.
    ///   - adding: Whether Y is added to.
    ///   - strides: How many elements lie between the starts of two rows of X and of Y; `nil` for packed ones.
    /// - Complexity: O(m·n·k).
    package func multiply(
        _ x: Span<Float>,
        _ orientation: Orientation = .stored,
        m: Int,
        into y: inout MutableSpan<Float>,
        adding: Bool = false,
        strides: (x: Int, y: Int)? = nil
    ) {
        guard m > 0, columns > 0 else { return }
        let isStored = orientation == .stored
        let (height, width) = isStored ? (m, rows) : (rows, m)
        let stride = strides ?? (x: width, y: columns)
        precondition(stride.x >= width && stride.y >= columns, "a row stride is shorter than its row")
        precondition(x.count >= (rows == 0 ? 0 : (height - 1) * stride.x + width), "X is too short")
        precondition(y.count >= (m - 1) * stride.y + columns, "Y is too short")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe panels.withUnsafeBufferPointer { panels in
                    unsafe tributary_multiply_panels(
                        x.baseAddress,
                        isStored ? stride.x : 1,
                        isStored ? 1 : stride.x,
                        panels.baseAddress,
                        y.baseAddress,
                        stride.y,
                        m,
                        columns,
                        rows,
                        adding
                    )
                }
            }
        }
    }
}
