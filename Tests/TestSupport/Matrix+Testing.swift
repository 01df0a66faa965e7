package import LinearAlgebra

extension Matrix {
    /// Creates a matrix of normal deviates.
    package init(gaussian rows: Int, _ columns: Int, using generator: inout CounterGenerator, scale: Double = 1) {
        self.init(
            rows: rows,
            columns: columns,
            elements: (0..<rows * columns).map { _ in Float(scale * generator.gaussian()) }
        )
    }

    /// The largest magnitude in the difference of AᵀA and the identity, summed in 64 bits.
    package var deviationFromOrthonormalColumns: Double {
        var deviation = 0.0
        for first in 0..<columns {
            for second in first..<columns {
                let dot = (0..<rows).reduce(0.0) { $0 + Double(self[$1, first]) * Double(self[$1, second]) }
                deviation = max(deviation, abs(dot - (first == second ? 1 : 0)))
            }
        }
        return deviation
    }
}

/// A slow matrix in 64 bits with no library behind it: the oracle that the fast routines are compared with.
package struct ReferenceMatrix: Sendable {
    package let rows: Int
    package let columns: Int
    package var elements: [Double]

    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        self.elements = [Double](repeating: 0, count: rows * columns)
    }

    package init(_ matrix: Matrix) {
        self.rows = matrix.rows
        self.columns = matrix.columns
        self.elements = matrix.elements.map(Double.init)
    }

    /// A ← A + c·B·D, by the definition.
    package mutating func add(_ b: Matrix, _ d: Matrix, scaledBy c: Double = 1) {
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = 0.0
                for index in 0..<b.columns {
                    sum += Double(b[row, index]) * Double(d[index, column])
                }
                elements[row * columns + column] += c * sum
            }
        }
    }

    /// The root of the sum of squares.
    package var norm: Double { elements.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// ‖A − B‖ / ‖B‖, or ‖A‖ when B is zero.
    package func relativeDistance(to other: ReferenceMatrix) -> Double {
        var difference = self
        for index in difference.elements.indices {
            difference.elements[index] -= other.elements[index]
        }
        return other.norm > 0 ? difference.norm / other.norm : difference.norm
    }
}

extension SingularValueDecomposition {
    /// U·Σ·Vᵀ, multiplied out in 64 bits.
    package var referenceProduct: ReferenceMatrix {
        var product = ReferenceMatrix(rows: u.rows, columns: vt.columns)
        for index in 0..<count {
            for row in 0..<u.rows {
                let left = Double(u[row, index]) * singularValues[index]
                for column in 0..<vt.columns {
                    product.elements[row * vt.columns + column] += left * Double(vt[index, column])
                }
            }
        }
        return product
    }

    /// Whether the element of largest magnitude in every column of U is positive, the first of equals (to rounding)
    /// counting.
    package var obeysSignRule: Bool {
        (0..<count).allSatisfy { column in
            let values = (0..<u.rows).map { u[$0, column] }
            let largest = values.map(abs).max() ?? 0
            return values.first { abs($0) >= largest * (1 - 1e-6) }.map { $0 > 0 } ?? true
        }
    }
}
