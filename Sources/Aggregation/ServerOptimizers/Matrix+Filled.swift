import LinearAlgebra

extension Matrix {
    /// Returns a matrix of the same shape with one value everywhere.
    func filled(with value: Float) -> Matrix {
        Matrix(rows: rows, columns: columns, elements: [Float](repeating: value, count: count))
    }
}
