import Foundation
import LinearAlgebra
import TestSupport
import Testing

extension StoredMatrix {
    /// Writes a matrix to a file of its own, after a header as long as one word, and maps it.
    static func mapped(_ matrix: Matrix, in folder: URL) throws -> StoredMatrix {
        let file = folder.appendingPathComponent(UUID().uuidString)
        try Data([1, 2, 3, 4] + ElementFormat.binary32.encode(matrix.elements.span)).write(to: file)
        return try #require(
            StoredMatrix(mapped: MappedFile(path: file.path), at: 4, rows: matrix.rows, columns: matrix.columns)
        )
    }
}

extension FactoredSum {
    /// A sum of products of normal deviates.
    static func gaussian(
        rows: Int,
        columns: Int,
        ranks: [Int],
        coefficient: (Int) -> Double = { _ in 1 }
    ) -> FactoredSum {
        var generator = CounterGenerator(seed: 31)
        var sum = FactoredSum(rows: rows, columns: columns)
        for (index, rank) in ranks.enumerated() {
            let b = Matrix(gaussian: rows, rank, using: &generator)
            sum.add(b, Matrix(gaussian: rank, columns, using: &generator), coefficient: coefficient(index))
        }
        return sum
    }

    /// ‖G − UΣVᵀ‖_F, by Gram matrices.
    func distance(to decomposition: SingularValueDecomposition) -> Double {
        var difference = self
        difference.add(decomposition.u, decomposition.vt, coefficients: decomposition.singularValues.map { -$0 })
        return difference.frobeniusNorm()
    }
}
