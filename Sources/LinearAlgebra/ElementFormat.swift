private import CKernels

/// How a tensor's numbers are laid out in a file or a message: little-endian, one after the other, at any address.
///
/// Arithmetic is always on 32-bit floats; this is the door between those and stored bytes.
package enum ElementFormat: Sendable, Hashable, CaseIterable {
    /// IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits.
    case binary16
    /// The upper half of a ``binary32``: 1 sign, 8 exponent and 7 mantissa bits.
    case bfloat16
    /// IEEE 754 single precision.
    case binary32
    /// IEEE 754 double precision.
    case binary64

    /// How many bytes one number takes.
    package var byteCount: Int {
        switch self {
        case .binary16, .bfloat16: 2
        case .binary32: 4
        case .binary64: 8
        }
    }

    /// Reads numbers from their stored bytes.
    ///
    /// Exact, except that a ``binary64`` is rounded to the nearest 32-bit float.
    ///
    /// - Parameters:
    ///   - bytes: `byteCount` bytes a number.
    ///   - numbers: Receives the numbers; as many as `bytes` hold.
    package func decode(_ bytes: RawSpan, into numbers: inout MutableSpan<Float>) {
        let count = numbers.count
        precondition(bytes.byteCount == count * byteCount, "\(bytes.byteCount) bytes are not \(count) numbers")
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                guard let source = bytes.baseAddress, let target = numbers.baseAddress else { return }
                switch self {
                case .binary16: unsafe tributary_widen_binary16(source, target, count)
                case .bfloat16: unsafe tributary_widen_bfloat16(source, target, count)
                case .binary32: unsafe UnsafeMutableRawBufferPointer(numbers).copyMemory(from: bytes)
                case .binary64:
                    for index in 0..<count {
                        unsafe target[index] = Float(source.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
                    }
                }
            }
        }
    }

    /// Reads all numbers that `bytes` hold.
    package func decode(_ bytes: RawSpan) -> [Float] {
        let count = bytes.byteCount / byteCount
        return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            // Floats need no destruction, so storage that was never initialised may be written to.
            var numbers = unsafe MutableSpan(_unsafeElements: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            decode(bytes, into: &numbers)
            initializedCount = count
        }
    }

    /// Writes numbers as bytes, rounded to the nearest value of the format, ties to even.
    ///
    /// What is too large for the format becomes infinite; NaN stays NaN.
    ///
    /// - Parameters:
    ///   - numbers: The numbers to write.
    ///   - bytes: Receives `byteCount` bytes a number.
    package func encode(_ numbers: Span<Float>, into bytes: inout MutableSpan<UInt8>) {
        let count = numbers.count
        precondition(bytes.count == count * byteCount, "\(bytes.count) bytes do not take \(count) numbers")
        unsafe numbers.withUnsafeBufferPointer { numbers in
            unsafe bytes.withUnsafeMutableBytes { bytes in
                guard let source = numbers.baseAddress, let target = bytes.baseAddress else { return }
                switch self {
                case .binary16: unsafe tributary_round_to_binary16(source, target, count)
                case .bfloat16: unsafe tributary_round_to_bfloat16(source, target, count)
                case .binary32: unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(numbers))
                case .binary64:
                    for index in 0..<count {
                        unsafe target.storeBytes(of: Double(source[index]), toByteOffset: index * 8, as: Double.self)
                    }
                }
            }
        }
    }

    /// Returns the bytes of `numbers`, rounded to the format.
    package func encode(_ numbers: Span<Float>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: numbers.count * byteCount)
        var span = bytes.mutableSpan
        encode(numbers, into: &span)
        return bytes
    }
}
