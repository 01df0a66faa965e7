private import CKernels

extension Elementwise {
    /// x ← LayerNorm(x) in each row.
    package static func layerNorm(
        _ x: inout MutableSpan<Float>,
        gamma: Span<Float>,
        beta: Span<Float>,
        epsilon: Float
    ) {
        precondition(gamma.count == beta.count, "γ has \(gamma.count) elements and β \(beta.count)")
        let rows = rowCount(x.count, width: gamma.count)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe gamma.withUnsafeBufferPointer { gamma in
                unsafe beta.withUnsafeBufferPointer { beta in
                    guard let x = x.baseAddress else { return }
                    unsafe tributary_layer_norm(
                        x,
                        nil,
                        nil,
                        gamma.baseAddress,
                        beta.baseAddress,
                        epsilon,
                        x,
                        nil,
                        nil,
                        rows,
                        gamma.count
                    )
                }
            }
        }
    }

    /// x ← LayerNorm(x + bias + residual) in each row: what ends each half of a transformer layer, in one pass.
    package static func layerNorm(
        _ x: inout MutableSpan<Float>,
        bias: Span<Float>,
        residual: Span<Float>,
        gamma: Span<Float>,
        beta: Span<Float>,
        epsilon: Float
    ) {
        let rows = checkedRows(x.count, bias: bias, residual: residual, gamma: gamma, beta: beta)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe bias.withUnsafeBufferPointer { bias in
                unsafe residual.withUnsafeBufferPointer { residual in
                    unsafe gamma.withUnsafeBufferPointer { gamma in
                        unsafe beta.withUnsafeBufferPointer { beta in
                            guard let x = x.baseAddress else { return }
                            unsafe tributary_layer_norm(
                                x,
                                bias.baseAddress,
                                residual.baseAddress,
                                gamma.baseAddress,
                                beta.baseAddress,
                                epsilon,
                                x,
                                nil,
                                nil,
                                rows,
                                gamma.count
                            )
                        }
                    }
                }
            }
        }
    }

    /// x ← LayerNorm(x + bias + residual) in each row, keeping what the way back needs.
    ///
    /// With z the sum, `normalized` receives (z − mean)/√(variance + ε), as large as `x`, and `inverseDeviation`
    /// 1/√(variance + ε), one value a row.
    package static func layerNorm(
        _ x: inout MutableSpan<Float>,
        bias: Span<Float>,
        residual: Span<Float>,
        gamma: Span<Float>,
        beta: Span<Float>,
        epsilon: Float,
        keeping normalized: inout MutableSpan<Float>,
        _ inverseDeviation: inout MutableSpan<Float>
    ) {
        let rows = checkedRows(x.count, bias: bias, residual: residual, gamma: gamma, beta: beta)
        precondition(normalized.count == x.count && inverseDeviation.count == rows, "the kept values do not fit")
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe bias.withUnsafeBufferPointer { bias in
                unsafe residual.withUnsafeBufferPointer { residual in
                    unsafe gamma.withUnsafeBufferPointer { gamma in
                        unsafe beta.withUnsafeBufferPointer { beta in
                            unsafe normalized.withUnsafeMutableBufferPointer { normalized in
                                unsafe inverseDeviation.withUnsafeMutableBufferPointer { inverseDeviation in
                                    guard let x = x.baseAddress else { return }
                                    unsafe tributary_layer_norm(
                                        x,
                                        bias.baseAddress,
                                        residual.baseAddress,
                                        gamma.baseAddress,
                                        beta.baseAddress,
                                        epsilon,
                                        x,
                                        normalized.baseAddress,
                                        inverseDeviation.baseAddress,
                                        rows,
                                        gamma.count
                                    )
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// gradient ← the gradient of x + bias + residual, from the gradient of LayerNorm's output.
    package static func backThroughLayerNorm(
        _ gradient: inout MutableSpan<Float>,
        normalized: Span<Float>,
        inverseDeviation: Span<Float>,
        gamma: Span<Float>
    ) {
        let rows = rowCount(gradient.count, width: gamma.count)
        precondition(normalized.count == gradient.count && inverseDeviation.count == rows, "the kept values do not fit")
        unsafe gradient.withUnsafeMutableBufferPointer { gradient in
            unsafe normalized.withUnsafeBufferPointer { normalized in
                unsafe inverseDeviation.withUnsafeBufferPointer { inverseDeviation in
                    unsafe gamma.withUnsafeBufferPointer { gamma in
                        unsafe tributary_layer_norm_gradient(
                            normalized.baseAddress,
                            inverseDeviation.baseAddress,
                            gamma.baseAddress,
                            gradient.baseAddress,
                            rows,
                            gamma.count
                        )
                    }
                }
            }
        }
    }

    private static func checkedRows(
        _ count: Int,
        bias: Span<Float>,
        residual: Span<Float>,
        gamma: Span<Float>,
        beta: Span<Float>
    ) -> Int {
        precondition(
            bias.count == gamma.count && beta.count == gamma.count && residual.count == count,
            "bias \(bias.count), γ \(gamma.count), β \(beta.count), residual \(residual.count), x \(count)"
        )
        return rowCount(count, width: gamma.count)
    }
}
