private import CKernels

/// The element-wise passes of networks and optimizers over lent spans.
///
/// Each is one loop of `CKernels` that is compiled for several instruction sets. Rows are packed; `width` is the length
/// of one. Sizes that disagree are our own mistake and stop the program.
package enum Elementwise {
    /// x ← x + bias in each row.
    package static func addBias(_ bias: Span<Float>, to x: inout MutableSpan<Float>) {
        let rows = rowCount(x.count, width: bias.count)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe bias.withUnsafeBufferPointer { bias in
                guard let x = x.baseAddress, let row = bias.baseAddress else { return }
                unsafe tributary_add_bias(x, row, rows, bias.count)
            }
        }
    }

    /// y ← a + b + c.
    package static func sum(_ a: Span<Float>, _ b: Span<Float>, _ c: Span<Float>, into y: inout MutableSpan<Float>) {
        precondition(a.count == y.count && b.count == y.count && c.count == y.count, "the lengths differ")
        unsafe a.withUnsafeBufferPointer { a in
            unsafe b.withUnsafeBufferPointer { b in
                unsafe c.withUnsafeBufferPointer { c in
                    unsafe y.withUnsafeMutableBufferPointer { y in
                        unsafe tributary_add_three(
                            a.baseAddress,
                            b.baseAddress,
                            c.baseAddress,
                            y.baseAddress,
                            y.count
                        )
                    }
                }
            }
        }
    }

    /// y ← y · x, element by element.
    package static func multiply(_ y: inout MutableSpan<Float>, by x: Span<Float>) {
        precondition(x.count == y.count, "\(x.count) factors for \(y.count) elements")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe tributary_multiply(x.baseAddress, y.baseAddress, y.count)
            }
        }
    }

    /// y ← y + a·x.
    package static func add(_ x: Span<Float>, times a: Float = 1, to y: inout MutableSpan<Float>) {
        precondition(x.count == y.count, "\(x.count) elements are added to \(y.count)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe tributary_add_scaled(a, x.baseAddress, y.baseAddress, y.count)
            }
        }
    }

    /// Returns Σ x·y, summed in a fixed order.
    package static func dot(_ x: Span<Float>, _ y: Span<Float>) -> Float {
        precondition(x.count == y.count, "the dot product of \(x.count) and \(y.count) elements")
        return unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeBufferPointer { y in
                unsafe tributary_dot(x.baseAddress, y.baseAddress, x.count)
            }
        }
    }

    /// How many rows of `width` there are in `count` elements.
    static func rowCount(_ count: Int, width: Int) -> Int {
        guard count > 0 else { return 0 }
        precondition(width > 0 && count % width == 0, "\(count) elements are no rows of \(width)")
        return count / width
    }
}
