import LinearAlgebra

/// A factor to which parts of others are added, in 64 bits, rounded once at the end.
struct FactorSum: Sendable {
    private let rows: Int
    private let columns: Int
    private var elements: [Double]

    /// Creates a sum that starts with `matrix`.
    init(_ matrix: Matrix) {
        self.rows = matrix.rows
        self.columns = matrix.columns
        self.elements = matrix.elements.map(Double.init)
    }

    /// The sum in 32 bits.
    var matrix: Matrix { Matrix(rows: rows, columns: columns, elements: elements.map(Float.init)) }

    /// Adds a matrix of as many columns and at most as many rows, each row with a rate of its own.
    mutating func add(_ other: StoredMatrix, scaledBy scale: Double, rowRates: [Double]) {
        precondition(other.columns == columns && other.rows <= min(rows, rowRates.count), "the rows do not fit")
        other.withElements { values in
            for row in 0..<other.rows {
                let rate = scale * rowRates[row]
                for index in row * columns..<(row + 1) * columns {
                    elements[index] += rate * Double(values[index])
                }
            }
        }
    }

    /// Adds a matrix of as many rows and at most as many columns, each column with a rate of its own.
    mutating func add(_ other: StoredMatrix, scaledBy scale: Double, columnRates: [Double]) {
        precondition(other.rows == rows && other.columns <= min(columns, columnRates.count), "the columns do not fit")
        other.withElements { values in
            for row in 0..<rows {
                for column in 0..<other.columns {
                    let value = scale * Double(values[row * other.columns + column])
                    elements[row * columns + column] += columnRates[column] * value
                }
            }
        }
    }
}
