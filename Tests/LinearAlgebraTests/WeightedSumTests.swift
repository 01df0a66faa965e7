import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct WeightedSumTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let rows: Int
        let columns: Int
        let count: Int
        var testDescription: String { "\(count) of \(rows)×\(columns)" }

        /// Matrices of normal deviates, and coefficients of either sign.
        var terms: (matrices: [Matrix], coefficients: [Double]) {
            var generator = CounterGenerator(seed: 21)
            let matrices = (0..<count).map { _ in Matrix(gaussian: rows, columns, using: &generator) }
            return (matrices, (0..<count).map { _ in generator.gaussian() })
        }
    }

    /// Groups that are full and not, lanes that are full and not, more than a tile, more than a segment, no elements.
    static let cases = [
        Case(rows: 1, columns: 1, count: 1),
        Case(rows: 3, columns: 5, count: 2),
        Case(rows: 1, columns: 16, count: 3),
        Case(rows: 7, columns: 19, count: 4),
        Case(rows: 130, columns: 127, count: 11),
        Case(rows: 1_025, columns: 513, count: 6),
        Case(rows: 0, columns: 4, count: 5),
    ]

    @Test("adds in order in 64 bits and rounds once, bit for bit", arguments: cases)
    func adds(_ test: Case) {
        let (matrices, coefficients) = test.terms
        let (sum, reports) = weightedSum(of: matrices.map { StoredMatrix($0) }, coefficients: coefficients)
        var expected = [Double](repeating: 0, count: test.rows * test.columns)
        for (matrix, coefficient) in zip(matrices, coefficients) {
            for (index, value) in matrix.elements.enumerated() {
                expected[index] += coefficient * Double(value)
            }
        }
        #expect(sum == Matrix(rows: test.rows, columns: test.columns, elements: expected.map(Float.init)))
        for (matrix, report) in zip(matrices, reports) {
            let squares = matrix.elements.reduce(0.0) { $0 + Double($1) * Double($1) }
            #expect(report.isFinite)
            // Only the order of the additions differs.
            #expect(abs(report.sumOfSquares - squares) <= 1e-12 * squares)
        }
    }

    @Test("gives the same bits on one thread and on several", arguments: cases)
    func threads(_ test: Case) {
        let (matrices, coefficients) = test.terms
        let stored = matrices.map { StoredMatrix($0) }
        let alone = weightedSum(of: stored, coefficients: coefficients, threads: 1)
        let together = weightedSum(of: stored, coefficients: coefficients, threads: 3)
        #expect(StoredMatrix(alone.sum).hasSameBits(as: StoredMatrix(together.sum)))
        #expect(alone.reports == together.reports)
    }

    /// A matrix's report may not depend on its place in a group of four.
    @Test("reports the same squares wherever a matrix stands")
    func placement() {
        let (matrices, _) = Case(rows: 130, columns: 127, count: 9).terms
        let reports = weightedSum(
            of: matrices.map { StoredMatrix($0) },
            coefficients: [Double](repeating: 1, count: 9)
        ).reports
        for (matrix, report) in zip(matrices, reports) {
            #expect(weightedSum(of: [StoredMatrix(matrix)], coefficients: [3]).reports == [report])
        }
    }

    @Test(
        "reads mapped matrices, before and after their pages are released, as those in memory",
        arguments: [0, 4, 52]
    )
    func mapped(_ header: Int) async throws {
        try await withTemporaryDirectory { folder in
            let (matrices, coefficients) = Case(rows: 1_025, columns: 513, count: 6).terms
            let stored = try matrices.enumerated().map { index, matrix in
                let file = folder.appendingPathComponent("\(index)")
                let bytes = ElementFormat.binary32.encode(matrix.elements.span)
                try Data([UInt8](repeating: 255, count: header) + bytes).write(to: file)
                return try #require(
                    StoredMatrix(
                        mapped: MappedFile(path: file.path),
                        at: header,
                        rows: matrix.rows,
                        columns: matrix.columns
                    )
                )
            }
            let inMemory = weightedSum(of: matrices.map { StoredMatrix($0) }, coefficients: coefficients)
            for _ in 0..<2 {
                let read = weightedSum(of: stored, coefficients: coefficients)
                #expect(read.sum == inMemory.sum)
                #expect(read.reports == inMemory.reports)
                stored[0].release()
                stored[1].release(5..<6)
                stored[2].release(0..<0)
            }
            #expect(stored[0].resident() == matrices[0])
        }
    }

    @Test(
        "names the matrix that is not finite",
        arguments: [Float.nan, .infinity, -.infinity],
        [(0, 0), (2, 18), (4, 132)]
    )
    func notFinite(_ value: Float, _ place: (matrix: Int, element: Int)) {
        var (matrices, coefficients) = Case(rows: 7, columns: 19, count: 5).terms
        matrices[place.matrix].withMutableElements { $0[place.element] = value }
        // Even where its coefficient is zero.
        coefficients[place.matrix] = 0
        let reports = weightedSum(of: matrices.map { StoredMatrix($0) }, coefficients: coefficients).reports
        #expect(reports.map(\.isFinite) == (0..<5).map { $0 != place.matrix })
    }

    @Test("takes the largest finite values for what they are")
    func extremes() {
        let largest = Matrix(
            rows: 40,
            columns: 50,
            elements: [Float](repeating: .greatestFiniteMagnitude, count: 2_000)
        )
        let (sum, reports) = weightedSum(of: [StoredMatrix(largest)], coefficients: [0.5])
        #expect(reports[0].isFinite)
        #expect(sum.elements.allSatisfy { $0 == 0.5 * .greatestFiniteMagnitude })
    }
}
