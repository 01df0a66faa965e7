private import CKernels

extension Elementwise {
    // MARK: - GELU and tanh

    /// y ← erf(x), with an absolute error below 1e-7.
    package static func erf(_ x: Span<Float>, into y: inout MutableSpan<Float>) {
        precondition(x.count == y.count, "\(x.count) values into \(y.count)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe tributary_erf(x.baseAddress, y.baseAddress, y.count)
            }
        }
    }

    /// h ← GELU(h + bias) in each row, in the exact form x·Φ(x).
    package static func gelu(_ h: inout MutableSpan<Float>, bias: Span<Float>) {
        let rows = rowCount(h.count, width: bias.count)
        unsafe h.withUnsafeMutableBufferPointer { h in
            unsafe bias.withUnsafeBufferPointer { bias in
                guard let h = h.baseAddress, let row = bias.baseAddress else { return }
                unsafe tributary_bias_gelu(h, row, h, nil, rows, bias.count)
            }
        }
    }

    /// g ← GELU(h + bias) and h ← GELU'(h + bias), which is all that the way back needs of h.
    package static func gelu(
        replacingWithDerivative h: inout MutableSpan<Float>,
        bias: Span<Float>,
        into g: inout MutableSpan<Float>
    ) {
        precondition(g.count == h.count, "\(h.count) values into \(g.count)")
        let rows = rowCount(h.count, width: bias.count)
        unsafe h.withUnsafeMutableBufferPointer { h in
            unsafe g.withUnsafeMutableBufferPointer { g in
                unsafe bias.withUnsafeBufferPointer { bias in
                    guard let h = h.baseAddress, let row = bias.baseAddress else { return }
                    unsafe tributary_bias_gelu(h, row, g.baseAddress, h, rows, bias.count)
                }
            }
        }
    }

    /// x ← tanh(x + bias) in each row.
    package static func tanh(_ x: inout MutableSpan<Float>, bias: Span<Float>) {
        let rows = rowCount(x.count, width: bias.count)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe bias.withUnsafeBufferPointer { bias in
                guard let x = x.baseAddress, let row = bias.baseAddress else { return }
                unsafe tributary_bias_tanh(x, row, rows, bias.count)
            }
        }
    }

    /// gradient ← gradient · (1 − y²), the way back through y = tanh(…).
    package static func multiplyByTanhDerivative(_ gradient: inout MutableSpan<Float>, of y: Span<Float>) {
        precondition(y.count == gradient.count, "\(y.count) values for \(gradient.count) gradients")
        unsafe y.withUnsafeBufferPointer { y in
            unsafe gradient.withUnsafeMutableBufferPointer { gradient in
                unsafe tributary_tanh_gradient(y.baseAddress, gradient.baseAddress, gradient.count)
            }
        }
    }

    // MARK: - Softmax

    /// Each row of x ← softmax(scale · row).
    package static func softmax(_ x: inout MutableSpan<Float>, width: Int, scale: Float = 1) {
        let rows = rowCount(x.count, width: width)
        unsafe x.withUnsafeMutableBufferPointer { x in
            guard let x = x.baseAddress else { return }
            unsafe tributary_softmax(x, scale, rows, width)
        }
    }

    /// gradient ← the gradient of x, from the gradient of p = softmax(scale · x).
    package static func backThroughSoftmax(
        _ gradient: inout MutableSpan<Float>,
        of p: Span<Float>,
        width: Int,
        scale: Float = 1
    ) {
        precondition(p.count == gradient.count, "\(p.count) probabilities for \(gradient.count) gradients")
        let rows = rowCount(p.count, width: width)
        unsafe p.withUnsafeBufferPointer { p in
            unsafe gradient.withUnsafeMutableBufferPointer { gradient in
                guard let p = p.baseAddress, let gradient = gradient.baseAddress else { return }
                unsafe tributary_softmax_gradient(p, gradient, scale, rows, width)
            }
        }
    }

    // MARK: - Dropout

    /// y ← x with each element zeroed with `probability`, or else divided by 1 − `probability`.
    ///
    /// Which elements are zeroed depends on `seed` and their index alone, so the way back draws the same ones.
    package static func dropout(
        _ x: Span<Float>,
        into y: inout MutableSpan<Float>,
        probability: Float,
        seed: UInt64
    ) {
        precondition(x.count == y.count && (0..<1).contains(probability), "dropout of \(probability)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe tributary_dropout(x.baseAddress, y.baseAddress, probability, seed, y.count)
            }
        }
    }

    /// y ← y + dropout(x), with the elements that ``dropout(_:into:probability:seed:)`` chooses.
    package static func addDropout(
        of x: Span<Float>,
        to y: inout MutableSpan<Float>,
        probability: Float,
        seed: UInt64
    ) {
        precondition(x.count == y.count && (0..<1).contains(probability), "dropout of \(probability)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe tributary_add_dropout(x.baseAddress, y.baseAddress, probability, seed, y.count)
            }
        }
    }
}
