private import CKernels

/// Loops over numbers on a grid: the step of a value is the integer nearest to value · scale, ties to even.
///
/// Steps are integers within ±2²⁴, whatever the value; whoever needs more than that bound checks the values before. A
/// step is shrunk by a factor in multiples of 2⁻³⁰, towards zero, which is exact for the factor one.
package enum GridSteps {
    /// The factor that leaves steps as they are.
    package static let unshrunk = UInt32(1) << tributary_shrink_bits

    /// How many values are worked on together.
    package static let pieceLength = Int(tributary_most_squared_steps)

    /// How many values one thread works on before it takes others: 4 MiB of them.
    package static let stretchLength = 64 * pieceLength

    /// Cuts 0..<count into stretches, of which each is for one thread.
    package static func stretches(of count: Int) -> [Range<Int>] { cut(0..<count, by: stretchLength) }

    /// Cuts a stretch into pieces.
    package static func pieces(of stretch: Range<Int>) -> [Range<Int>] { cut(stretch, by: pieceLength) }

    private static func cut(_ range: Range<Int>, by length: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: length).map { $0..<min($0 + length, range.upperBound) }
    }

    /// Returns the sum of the squared steps.
    ///
    /// - Precondition: There are at most ``pieceLength`` values.
    package static func sumOfSquares(_ values: Span<Float>, scale: Double) -> UInt64 {
        precondition(values.count <= pieceLength, "\(values.count) squared steps may overflow")
        return unsafe values.withUnsafeBufferPointer { values in
            guard let source = values.baseAddress else { return 0 }
            return unsafe tributary_squared_steps(source, scale, values.count)
        }
    }

    /// Writes the steps of `values`, shrunk.
    package static func write(
        _ values: Span<Float>,
        scale: Double,
        shrink: UInt32,
        to target: inout MutableSpan<Int32>
    ) {
        precondition(values.count == target.count && shrink <= unshrunk, "\(values.count) for \(target.count)")
        unsafe values.withUnsafeBufferPointer { values in
            unsafe target.withUnsafeMutableBufferPointer { target in
                guard let source = values.baseAddress, let target = target.baseAddress else { return }
                unsafe tributary_write_steps(target, source, scale, shrink, values.count)
            }
        }
    }

    /// Adds the steps of `values`, shrunk; sums wrap.
    package static func add(
        _ values: Span<Float>,
        scale: Double,
        shrink: UInt32,
        to target: inout MutableSpan<Int64>
    ) {
        precondition(values.count == target.count && shrink <= unshrunk, "\(values.count) for \(target.count)")
        unsafe values.withUnsafeBufferPointer { values in
            unsafe target.withUnsafeMutableBufferPointer { target in
                guard let source = values.baseAddress, let target = target.baseAddress else { return }
                unsafe tributary_add_steps(target, source, scale, shrink, values.count)
            }
        }
    }

    /// Adds `steps`, shrunk; sums wrap.
    package static func add(_ steps: Span<Int32>, shrink: UInt32, to target: inout MutableSpan<Int64>) {
        precondition(steps.count == target.count && shrink <= unshrunk, "\(steps.count) for \(target.count)")
        unsafe steps.withUnsafeBufferPointer { steps in
            unsafe target.withUnsafeMutableBufferPointer { target in
                guard let source = steps.baseAddress, let target = target.baseAddress else { return }
                unsafe tributary_add_given_steps(target, source, shrink, steps.count)
            }
        }
    }

    /// Writes each step times `unit`, computed in 64 bits and rounded once.
    ///
    /// - Parameters:
    ///   - steps: The steps.
    ///   - unit: What a step stands for.
    ///   - target: Where they are written.
    ///   - place: The element of `target` that the first is written to.
    package static func decode(
        _ steps: Span<Int64>,
        unit: Double,
        to target: inout MutableSpan<Float>,
        at place: Int = 0
    ) {
        precondition(place >= 0 && steps.count <= target.count - place, "\(steps.count) for \(target.count)")
        unsafe steps.withUnsafeBufferPointer { steps in
            unsafe target.withUnsafeMutableBufferPointer { target in
                guard let source = steps.baseAddress, let target = target.baseAddress else { return }
                unsafe tributary_steps_to_binary32(target + place, source, unit, steps.count)
            }
        }
    }
}
