private import CKernels

/// Returns whether no value is infinite or NaN.
package func allFinite(_ values: Span<Float>) -> Bool {
    unsafe values.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return true }
        return unsafe tributary_all_finite(base, values.count)
    }
}

/// Returns the sum of squares, in 64 bits; the same bits on every processor.
package func sumOfSquares(_ values: Span<Float>) -> Double {
    unsafe values.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return 0 }
        return unsafe tributary_sum_of_squares(base, values.count)
    }
}

/// What one pass over a tensor found out about it.
package struct AccumulationReport: Sendable, Equatable {
    /// Whether no value is infinite or NaN.
    package let isFinite: Bool
    /// The sum of the squares of the values.
    package let sumOfSquares: Double
}

/// accumulator ← accumulator + c·x in 64 bits, and a report about x, in one pass over memory.
///
/// When x is not finite, neither is the accumulator afterwards: its owner has checked x before, or drops it.
///
/// - Parameters:
///   - values: x.
///   - scale: c.
///   - accumulator: Has as many elements as x.
/// - Returns: Whether x is finite, and its sum of squares.
@discardableResult
package func accumulate(
    _ values: Span<Float>,
    scaledBy scale: Double,
    into accumulator: inout MutableSpan<Double>
) -> AccumulationReport {
    precondition(
        values.count == accumulator.count,
        "\(values.count) values do not fit an accumulator of \(accumulator.count)"
    )
    return unsafe values.withUnsafeBufferPointer { values in
        unsafe accumulator.withUnsafeMutableBufferPointer { accumulator in
            guard let source = values.baseAddress, let target = accumulator.baseAddress else {
                return AccumulationReport(isFinite: true, sumOfSquares: 0)
            }
            var isFinite = true
            let sum = unsafe tributary_accumulate(target, source, scale, values.count, &isFinite)
            return AccumulationReport(isFinite: isFinite, sumOfSquares: sum)
        }
    }
}

/// Returns c·x, computed in 64 bits and rounded once.
package func rounded(_ values: Span<Double>, scaledBy scale: Double) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: values.count) { target, count in
        unsafe values.withUnsafeBufferPointer { source in
            guard let source = source.baseAddress, let target = target.baseAddress else { return }
            unsafe tributary_scale_to_binary32(target, source, scale, values.count)
        }
        count = values.count
    }
}
