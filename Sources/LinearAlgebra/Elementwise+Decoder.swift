private import CKernels

// The passes of a Llama decoder.
extension Elementwise {
    // MARK: - RMSNorm

    /// y ← γ·x/√(mean(x²) + ε) in each row, keeping 1/√(…) of each row for the way back.
    package static func rmsNorm(
        _ x: Span<Float>,
        gamma: Span<Float>,
        epsilon: Float,
        into y: inout MutableSpan<Float>,
        keeping inverseDeviation: inout MutableSpan<Float>
    ) {
        let rows = rowCount(x.count, width: gamma.count)
        precondition(y.count == x.count && inverseDeviation.count == rows, "\(x.count) values into \(y.count)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe gamma.withUnsafeBufferPointer { gamma in
                unsafe y.withUnsafeMutableBufferPointer { y in
                    unsafe inverseDeviation.withUnsafeMutableBufferPointer { kept in
                        unsafe tributary_rms_norm(
                            x.baseAddress,
                            gamma.baseAddress,
                            epsilon,
                            y.baseAddress,
                            kept.baseAddress,
                            rows,
                            gamma.count
                        )
                    }
                }
            }
        }
    }

    /// y ← γ·x·inverseDeviation: what ``rmsNorm(_:gamma:epsilon:into:keeping:)`` found, once more.
    package static func rmsNormAgain(
        _ x: Span<Float>,
        gamma: Span<Float>,
        inverseDeviation: Span<Float>,
        into y: inout MutableSpan<Float>
    ) {
        let rows = rowCount(x.count, width: gamma.count)
        precondition(y.count == x.count && inverseDeviation.count == rows, "\(x.count) values into \(y.count)")
        unsafe x.withUnsafeBufferPointer { x in
            unsafe gamma.withUnsafeBufferPointer { gamma in
                unsafe inverseDeviation.withUnsafeBufferPointer { kept in
                    unsafe y.withUnsafeMutableBufferPointer { y in
                        unsafe tributary_rms_norm_again(
                            x.baseAddress,
                            gamma.baseAddress,
                            kept.baseAddress,
                            y.baseAddress,
                            rows,
                            gamma.count
                        )
                    }
                }
            }
        }
    }

    /// sum ← sum + the gradient of x, from the gradient of RMSNorm's output.
    package static func addBackThroughRMSNorm(
        _ gradient: Span<Float>,
        of x: Span<Float>,
        gamma: Span<Float>,
        inverseDeviation: Span<Float>,
        to sum: inout MutableSpan<Float>
    ) {
        let rows = rowCount(x.count, width: gamma.count)
        precondition(
            gradient.count == x.count && sum.count == x.count && inverseDeviation.count == rows,
            "\(gradient.count) gradients of \(x.count) values are added to \(sum.count)"
        )
        unsafe gradient.withUnsafeBufferPointer { gradient in
            unsafe x.withUnsafeBufferPointer { x in
                unsafe gamma.withUnsafeBufferPointer { gamma in
                    unsafe inverseDeviation.withUnsafeBufferPointer { kept in
                        unsafe sum.withUnsafeMutableBufferPointer { sum in
                            unsafe tributary_rms_norm_gradient(
                                x.baseAddress,
                                gamma.baseAddress,
                                kept.baseAddress,
                                gradient.baseAddress,
                                sum.baseAddress,
                                rows,
                                gamma.count
                            )
                        }
                    }
                }
            }
        }
    }

    // MARK: - Rotation

    /// Which way ``rotate(_:cosines:sines:headWidth:_:)`` turns.
    package enum Turn: Float, Sendable {
        case forward = 1
        case back = -1
    }

    /// Turns the pairs (i, i + headWidth/2) of each head by the angles of its row.
    ///
    /// (x₁, x₂) ← (x₁·cos − x₂·sin, x₂·cos + x₁·sin), which is RoPE (Su et al., 2021) in Hugging Face's order of elements.
    ///
    /// - Parameters:
    ///   - x: Some heads side by side in each row.
    ///   - cosines: headWidth/2 numbers a row.
    ///   - sines: headWidth/2 numbers a row.
    ///   - headWidth: An even number.
    ///   - turn: Back for gradients.
    package static func rotate(
        _ x: inout MutableSpan<Float>,
        cosines: Span<Float>,
        sines: Span<Float>,
        headWidth: Int,
        _ turn: Turn
    ) {
        let half = headWidth / 2
        precondition(headWidth > 0 && headWidth % 2 == 0 && cosines.count == sines.count, "angles for \(headWidth)")
        let rows = rowCount(cosines.count, width: half)
        guard rows > 0 else { return }
        precondition(x.count % (rows * headWidth) == 0, "\(x.count) elements are no heads in \(rows) rows")
        let heads = x.count / (rows * headWidth)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe cosines.withUnsafeBufferPointer { cosines in
                unsafe sines.withUnsafeBufferPointer { sines in
                    unsafe tributary_rotate(
                        x.baseAddress,
                        cosines.baseAddress,
                        sines.baseAddress,
                        turn.rawValue,
                        rows,
                        heads,
                        half
                    )
                }
            }
        }
    }

    // MARK: - Gated SiLU

    /// y ← SiLU(gate)·up, where SiLU(x) = x/(1 + e⁻ˣ).
    package static func gatedSiLU(_ gate: Span<Float>, up: Span<Float>, into y: inout MutableSpan<Float>) {
        precondition(gate.count == y.count && up.count == y.count, "the lengths differ")
        unsafe gate.withUnsafeBufferPointer { gate in
            unsafe up.withUnsafeBufferPointer { up in
                unsafe y.withUnsafeMutableBufferPointer { y in
                    unsafe tributary_gated_silu(gate.baseAddress, up.baseAddress, y.baseAddress, y.count)
                }
            }
        }
    }

    /// Replaces gate and up by their gradients, from the gradient of SiLU(gate)·up.
    package static func backThroughGatedSiLU(
        _ gradient: Span<Float>,
        gate: inout MutableSpan<Float>,
        up: inout MutableSpan<Float>
    ) {
        precondition(gate.count == gradient.count && up.count == gradient.count, "the lengths differ")
        unsafe gradient.withUnsafeBufferPointer { gradient in
            unsafe gate.withUnsafeMutableBufferPointer { gate in
                unsafe up.withUnsafeMutableBufferPointer { up in
                    unsafe tributary_gated_silu_gradient(
                        gradient.baseAddress,
                        gate.baseAddress,
                        up.baseAddress,
                        gradient.count
                    )
                }
            }
        }
    }

    // MARK: - Softmax

    /// Each row r of x ← softmax(scale · its first `first` + r + 1 numbers), and zeros after them.
    ///
    /// - Parameters:
    ///   - x: Rows of `width` numbers.
    ///   - width: How many tokens are held.
    ///   - first: The position of the token that the first row belongs to.
    ///   - scale: Above 0.
    package static func causalSoftmax(_ x: inout MutableSpan<Float>, width: Int, first: Int, scale: Float) {
        let rows = rowCount(x.count, width: width)
        precondition(first >= 0 && scale > 0, "a softmax from \(first) at scale \(scale)")
        unsafe x.withUnsafeMutableBufferPointer { x in
            guard let x = x.baseAddress else { return }
            unsafe tributary_causal_softmax(x, scale, first, rows, width)
        }
    }

    /// Returns −log softmax(row)[target] of each row of logits.
    ///
    /// - Parameters:
    ///   - logits: A row a target; with a weight, they become their gradient weight·(softmax − one-hot).
    ///   - targets: The right column of each row.
    ///   - weight: `nil` to leave the logits alone.
    /// - Returns: One loss a row.
    package static func crossEntropy(
        _ logits: inout MutableSpan<Float>,
        targets: Span<Int32>,
        weight: Float?
    ) -> [Double] {
        guard targets.count > 0 else { return [] }
        let width = logits.count / targets.count
        precondition(logits.count == width * targets.count, "\(logits.count) logits for \(targets.count) targets")
        var losses = [Double](repeating: 0, count: targets.count)
        for index in targets.indices {
            precondition(
                0 <= targets[index] && Int(targets[index]) < width,
                "\(targets[index]) is no column of \(width)"
            )
        }
        unsafe logits.withUnsafeMutableBufferPointer { logits in
            unsafe targets.withUnsafeBufferPointer { targets in
                unsafe losses.withUnsafeMutableBufferPointer { losses in
                    unsafe tributary_cross_entropy(
                        logits.baseAddress,
                        targets.baseAddress,
                        weight ?? 0,
                        losses.baseAddress,
                        targets.count,
                        width
                    )
                }
            }
        }
        return losses
    }
}
