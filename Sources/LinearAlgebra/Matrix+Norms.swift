extension Matrix {
    /// ‖A‖_F, the root of the sum of squares, summed in 64 bits.
    package var frobeniusNorm: Double {
        sumOfSquares(elements.span).squareRoot()
    }

    /// Whether no element is infinite or NaN.
    package var isFinite: Bool {
        allFinite(elements.span)
    }
}
