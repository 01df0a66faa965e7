internal import COpenBLAS

/// Whether a factor of a product is read as it is stored or transposed.
package enum Orientation: Sendable {
    case stored
    case transposed

    var blas: CBLAS_TRANSPOSE {
        switch self {
        case .stored: CblasNoTrans
        case .transposed: CblasTrans
        }
    }
}

/// C ← α·op(A)·op(B) + β·C on row-major spans.
///
/// The one door to `sgemm`. op(A) is m×k, op(B) is k×n, C is m×n.
///
/// A is stored m×k, or k×m when `orientationOfA` is transposed; B is stored k×n, or n×k when `orientationOfB` is; C is
/// read first only when `beta` is not 0. `strides` say how many elements lie between the starts of two rows of A, B and
/// C; `nil` means packed.
///
/// - Complexity: O(m·n·k).
package func multiply(
    _ a: Span<Float>,
    _ orientationOfA: Orientation = .stored,
    by b: Span<Float>,
    _ orientationOfB: Orientation = .stored,
    into c: inout MutableSpan<Float>,
    m: Int,
    n: Int,
    k: Int,
    alpha: Float = 1,
    beta: Float = 0,
    strides: (a: Int, b: Int, c: Int)? = nil
) {
    guard m > 0, n > 0 else { return }
    let aRows = orientationOfA == .stored ? m : k
    let aColumns = orientationOfA == .stored ? k : m
    let bRows = orientationOfB == .stored ? k : n
    let bColumns = orientationOfB == .stored ? n : k
    let stride = strides ?? (a: max(aColumns, 1), b: max(bColumns, 1), c: n)
    precondition(stride.a >= aColumns && stride.b >= bColumns && stride.c >= n, "a row stride is shorter than its row")
    precondition(a.count >= extent(rows: aRows, columns: aColumns, stride: stride.a), "A is too short")
    precondition(b.count >= extent(rows: bRows, columns: bColumns, stride: stride.b), "B is too short")
    precondition(c.count >= extent(rows: m, columns: n, stride: stride.c), "C is too short")
    unsafe a.withUnsafeBufferPointer { a in
        unsafe b.withUnsafeBufferPointer { b in
            unsafe c.withUnsafeMutableBufferPointer { c in
                unsafe cblas_sgemm(
                    CblasRowMajor,
                    orientationOfA.blas,
                    orientationOfB.blas,
                    blasint(m),
                    blasint(n),
                    blasint(k),
                    alpha,
                    a.baseAddress,
                    blasint(stride.a),
                    b.baseAddress,
                    blasint(stride.b),
                    beta,
                    c.baseAddress,
                    blasint(stride.c)
                )
            }
        }
    }
}

/// How many elements lie between the first and one past the last element of a strided block.
private func extent(rows: Int, columns: Int, stride: Int) -> Int {
    rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns
}
