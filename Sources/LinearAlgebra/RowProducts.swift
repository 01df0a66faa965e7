private import COpenBLAS

/// K ← K + X·Yᵀ in 64 bits: adds the inner products of the rows of X with those of Y.
///
/// X is `rows` × `length`, Y `otherRows` × `length` and K `rows` × `otherRows`, all row by row.
///
/// - Complexity: O(rows·otherRows·length).
package func addRowProducts(
    of x: Span<Double>,
    rows: Int,
    with y: Span<Double>,
    rows otherRows: Int,
    length: Int,
    into k: inout MutableSpan<Double>
) {
    precondition(
        x.count == rows * length && y.count == otherRows * length && k.count == rows * otherRows,
        "\(x.count) and \(y.count) elements are no rows of \(length) with \(k.count) products"
    )
    guard rows > 0, otherRows > 0, length > 0 else { return }
    unsafe x.withUnsafeBufferPointer { x in
        unsafe y.withUnsafeBufferPointer { y in
            unsafe k.withUnsafeMutableBufferPointer { k in
                unsafe cblas_dgemm(
                    CblasRowMajor,
                    CblasNoTrans,
                    CblasTrans,
                    blasint(rows),
                    blasint(otherRows),
                    blasint(length),
                    1,
                    x.baseAddress,
                    blasint(length),
                    y.baseAddress,
                    blasint(length),
                    1,
                    k.baseAddress,
                    blasint(otherRows)
                )
            }
        }
    }
}
