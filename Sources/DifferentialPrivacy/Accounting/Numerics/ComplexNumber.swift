/// A complex number, as Fourier transforms of probabilities are.
struct ComplexNumber: Sendable, Hashable {
    var real: Double
    var imaginary: Double

    init(_ real: Double, _ imaginary: Double) {
        self.real = real
        self.imaginary = imaginary
    }

    static func * (a: ComplexNumber, b: ComplexNumber) -> ComplexNumber {
        ComplexNumber(a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
    }

    /// Returns the number times itself, `exponent` times.
    ///
    /// - Complexity: O(log `exponent`), and errors grow with the exponent and no faster.
    func power(_ exponent: Int) -> ComplexNumber {
        var result = ComplexNumber(1, 0)
        var square = self
        var remaining = exponent
        while remaining > 0 {
            if remaining & 1 == 1 { result = result * square }
            remaining >>= 1
            if remaining > 0 { square = square * square }
        }
        return result
    }
}
