private import Foundation

/// The discrete Fourier transform of a fixed length, a power of two.
///
/// Iterative, radix 2, with the factors of unity computed one by one, so that errors grow with log₂ n as ε·log n and no
/// faster.
struct FourierTransform: Sendable {
    let count: Int
    private let cosines: [Double]
    private let sines: [Double]

    /// Prepares transforms of `count` numbers, a power of two.
    init(count: Int) {
        precondition(count > 0 && count & (count - 1) == 0, "\(count) is no power of two")
        self.count = count
        let angles = (0..<count / 2).map { -2 * Double.pi * Double($0) / Double(count) }
        cosines = angles.map { cos($0) }
        sines = angles.map { sin($0) }
    }

    /// Replaces numbers by X_k = Σ_j x_j·e^(−2πi·jk/n).
    ///
    /// The inverse, times n, is the same with `real` and `imaginary` exchanged.
    ///
    /// - Parameters:
    ///   - real: The real parts, `count` of them.
    ///   - imaginary: The imaginary parts, `count` of them.
    /// - Complexity: O(n log n).
    func apply(real: inout [Double], imaginary: inout [Double]) {
        precondition(real.count == count && imaginary.count == count, "the transform is of \(count) numbers")
        exchange(&real)
        exchange(&imaginary)
        var half = 1
        while half < count {
            let stride = count / (2 * half)
            for start in Swift.stride(from: 0, to: count, by: 2 * half) {
                for offset in 0..<half {
                    let (low, high) = (start + offset, start + offset + half)
                    let (c, s) = (cosines[offset * stride], sines[offset * stride])
                    let turnedReal = real[high] * c - imaginary[high] * s
                    let turnedImaginary = real[high] * s + imaginary[high] * c
                    real[high] = real[low] - turnedReal
                    imaginary[high] = imaginary[low] - turnedImaginary
                    real[low] += turnedReal
                    imaginary[low] += turnedImaginary
                }
            }
            half *= 2
        }
    }

    /// Puts numbers into the order of their places' bits read backwards.
    private func exchange(_ numbers: inout [Double]) {
        var mirrored = 0
        for place in 1..<max(count, 1) {
            var bit = count >> 1
            while mirrored & bit != 0 {
                mirrored ^= bit
                bit >>= 1
            }
            mirrored |= bit
            if place < mirrored { numbers.swapAt(place, mirrored) }
        }
    }
}
