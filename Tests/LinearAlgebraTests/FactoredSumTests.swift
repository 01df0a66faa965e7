import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FactoredSumTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// The running example of the aggregation literature's notes: two clients of ranks 1 and 2, weights 1 and 3.
    static var example: FactoredSum {
        var sum = FactoredSum(rows: 3, columns: 2)
        sum.add(Matrix([[1], [2], [0]]), Matrix([[1, 0]]), coefficient: 0.25 * 2)
        sum.add(Matrix([[0, 1], [1, 0], [1, 1]]), Matrix([[1, 1], [0, 2]]), coefficient: 0.75 * 1)
        return sum
    }

    @Test("gives the golden triplets of the worked example")
    func golden() throws {
        let decomposition = try Self.example.truncatedSVD(rank: 2)
        let expectedU: [[Double]] = [[0.485071, -0.269069], [0.485071, 0.874475], [0.727607, -0.403604]]
        let expectedVT: [[Double]] = [[0.514496, 0.857493], [0.857493, -0.514496]]
        #expect(abs(decomposition.singularValues[0] - 3.181981) < 1e-6)
        #expect(abs(decomposition.singularValues[1] - 1.274755) < 1e-6)
        for row in 0..<3 {
            for column in 0..<2 {
                #expect(abs(Double(decomposition.u[row, column]) - expectedU[row][column]) < 1e-6)
            }
        }
        for row in 0..<2 {
            for column in 0..<2 {
                #expect(abs(Double(decomposition.vt[row, column]) - expectedVT[row][column]) < 1e-6)
            }
        }
        #expect(abs(Self.example.frobeniusNorm() - 3.427827300) < 1e-9)
        #expect(Self.example.dense() == Matrix([[0.5, 1.5], [1.75, 0.75], [0.75, 2.25]]))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let rows: Int
        let columns: Int
        let ranks: [Int]
        var spread = 1.0
        var testDescription: String { name }

        /// A sum of random terms whose sizes fall by `spread` from the first to the last, every third one negative.
        func sum(gauged: Bool = false) -> FactoredSum {
            var generator = CounterGenerator(seed: 8)
            var sum = FactoredSum(rows: rows, columns: columns)
            for (index, rank) in ranks.enumerated() {
                let b = Matrix(gaussian: rows, rank, using: &generator)
                let a = Matrix(gaussian: rank, columns, using: &generator)
                // (B, A) and (B·10¹⁵, A·10⁻¹⁵) are the same product.
                let gauge: Float = gauged ? 1e15 : 1
                let size = 1 / (1 + (spread - 1) * Double(index) / Double(ranks.count))
                sum.add(gauge * b, (1 / gauge) * a, coefficient: index % 3 == 2 ? -size : size)
            }
            return sum
        }

        var reference: ReferenceMatrix {
            var matrix = ReferenceMatrix(rows: rows, columns: columns)
            var generator = CounterGenerator(seed: 8)
            for (index, rank) in ranks.enumerated() {
                let b = Matrix(gaussian: rows, rank, using: &generator)
                let a = Matrix(gaussian: rank, columns, using: &generator)
                let size = 1 / (1 + (spread - 1) * Double(index) / Double(ranks.count))
                matrix.add(b, a, scaledBy: index % 3 == 2 ? -size : size)
            }
            return matrix
        }
    }

    static let cases = [
        Case(name: "tall", rows: 90, columns: 40, ranks: [4, 8, 8, 16]),
        Case(name: "wide", rows: 40, columns: 90, ranks: [4, 8, 8, 16]),
        Case(name: "several panels", rows: 300, columns: 280, ranks: [16, 16, 16, 16, 16, 16]),
        Case(name: "sizes a million apart", rows: 60, columns: 60, ranks: [3, 3, 3, 3], spread: 1e6),
        Case(name: "one term", rows: 20, columns: 30, ranks: [5]),
        Case(name: "as wide as the matrix", rows: 24, columns: 30, ranks: [8, 8, 8]),
        Case(name: "wider than the matrix", rows: 12, columns: 10, ranks: [8, 8, 8]),
        Case(name: "one row", rows: 1, columns: 30, ranks: [1, 1]),
        Case(name: "one column", rows: 30, columns: 1, ranks: [2, 1]),
    ]

    @Test("multiplies back to the sum, with orthonormal vectors and the sign rule", arguments: cases)
    func reconstructs(_ test: Case) throws {
        let sum = test.sum()
        let decomposition = try sum.truncatedSVD(rank: 1_000)
        #expect(decomposition.count == min(test.rows, test.columns))
        // Vectors are rounded to 32 bits once, 6e-8 an element.
        #expect(decomposition.referenceProduct.relativeDistance(to: test.reference) < 2e-7)
        #expect(decomposition.u.deviationFromOrthonormalColumns < 1e-6)
        #expect(decomposition.vt.transposed().deviationFromOrthonormalColumns < 1e-6)
        #expect(decomposition.singularValues == decomposition.singularValues.sorted(by: >))
        #expect(decomposition.obeysSignRule)
        #expect(abs(sum.frobeniusNorm() - test.reference.norm) < 1e-9 * test.reference.norm)
    }

    @Test(
        "truncates with the optimal error, on every exact route",
        arguments: cases,
        [FactoredSum.Route.gram, .householder, .dense]
    )
    func truncates(_ test: Case, _ route: FactoredSum.Route) throws {
        let sum = test.sum()
        let all = try sum.truncatedSVD(rank: 1_000, route: .dense).singularValues
        let rank = min(5, all.count)
        let (decomposition, report) = try sum.truncation(rank: rank, route: route)
        for (found, expected) in zip(decomposition.singularValues, all) {
            #expect(abs(found - expected) < 1e-9 * all[0])
        }
        let tail = all.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
        var residual = decomposition.referenceProduct
        for (index, value) in test.reference.elements.enumerated() {
            residual.elements[index] -= value
        }
        #expect(abs(residual.norm - tail) < 3e-7 * test.reference.norm)
        #expect(abs(report.residual - tail) < 3e-7 * test.reference.norm)
        #expect(report.excess == 0 && report.stackedRank == sum.stackedRank)
    }

    @Test("gives the same product in another gauge, however uneven")
    func gauge() throws {
        let test = Self.cases[0]
        for route in FactoredSum.Route.allCases {
            let decomposition = try test.sum(gauged: true).truncatedSVD(rank: 36, route: route)
            // The gauge itself rounds both factors to 32 bits.
            #expect(decomposition.referenceProduct.relativeDistance(to: test.reference) < 5e-7)
        }
    }

    @Test("keeps the large terms where sizes are 10³⁰ apart")
    func extremeSpread() throws {
        var generator = CounterGenerator(seed: 9)
        let largeB = Matrix(gaussian: 80, 4, using: &generator, scale: 1e15)
        let largeA = Matrix(gaussian: 4, 70, using: &generator)
        let smallB = Matrix(gaussian: 80, 4, using: &generator, scale: 1e-15)
        let smallA = Matrix(gaussian: 4, 70, using: &generator)
        var sum = FactoredSum(rows: 80, columns: 70)
        sum.add(largeB, largeA)
        sum.add(smallB, smallA)
        var reference = ReferenceMatrix(rows: 80, columns: 70)
        reference.add(largeB, largeA)
        reference.add(smallB, smallA)
        for route in [nil, FactoredSum.Route.householder, .dense] {
            let decomposition = try sum.truncatedSVD(rank: 16, route: route)
            #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 2e-7)
            #expect(decomposition.u.deviationFromOrthonormalColumns < 1e-6)
        }
    }

    @Test("factors the zero matrix into the first columns of the identity", arguments: [true, false])
    func zero(_ hasTerms: Bool) throws {
        var sum = FactoredSum(rows: 6, columns: 5)
        if hasTerms {
            sum.add(Matrix(rows: 6, columns: 2), Matrix([[1, 2, 3, 4, 5], [0, 0, 0, 0, 1]]))
        }
        for route in [nil] + FactoredSum.Route.allCases {
            let decomposition = try sum.truncatedSVD(rank: 3, route: route)
            #expect(decomposition.singularValues == [0, 0, 0])
            #expect(decomposition.u.firstRows(3) == Matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
            #expect(decomposition.vt.firstColumns(3) == Matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
        }
        #expect(sum.frobeniusNorm() == 0)
    }

    @Test("completes the vectors when the same term comes again and again", arguments: [3, 24])
    func duplicates(_ copies: Int) throws {
        var generator = CounterGenerator(seed: 10)
        let b = Matrix(gaussian: 150, 4, using: &generator)
        let a = Matrix(gaussian: 4, 120, using: &generator)
        var sum = FactoredSum(rows: 150, columns: 120)
        for _ in 0..<copies {
            sum.add(b, a, coefficient: 1 / Double(copies))
        }
        var reference = ReferenceMatrix(rows: 150, columns: 120)
        reference.add(b, a)
        // More than the rank; at the last, more than there are components in three copies.
        for rank in [4, 9, 20] {
            let decomposition = try sum.truncatedSVD(rank: rank)
            #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 2e-7)
            #expect(decomposition.singularValues.dropFirst(4).allSatisfy { $0 == 0 })
            #expect(decomposition.u.deviationFromOrthonormalColumns < 1e-6)
            #expect(decomposition.vt.transposed().deviationFromOrthonormalColumns < 1e-6)
        }
    }

    @Test("gives the product of repeated singular values, whatever basis it picks", arguments: [4, 96])
    func repeated(_ rank: Int) throws {
        var generator = CounterGenerator(seed: 11)
        let q = QRFactorization(of: Matrix(gaussian: 200, rank, using: &generator)).q()
        let p = QRFactorization(of: Matrix(gaussian: 180, rank, using: &generator)).q()
        var sum = FactoredSum(rows: 200, columns: 180)
        sum.add(q, p.transposed(), coefficient: 3)
        let decomposition = try sum.truncatedSVD(rank: rank)
        #expect(decomposition.singularValues.allSatisfy { abs($0 - 3) < 1e-5 })
        var reference = ReferenceMatrix(rows: 200, columns: 180)
        reference.add(q, p.transposed(), scaledBy: 3)
        #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 5e-7)
    }

    /// Each term is 10⁶ times as large as what is left of all of them.
    @Test("falls back from the Gram route where terms cancel")
    func cancellation() throws {
        var generator = CounterGenerator(seed: 12)
        let b = Matrix(gaussian: 200, 40, using: &generator)
        let a = Matrix(gaussian: 40, 180, using: &generator)
        let change = Matrix(gaussian: 40, 180, using: &generator, scale: 1e-6)
        var sum = FactoredSum(rows: 200, columns: 180)
        sum.add(b, a + change)
        sum.add(b, a, coefficient: -1)
        var reference = ReferenceMatrix(rows: 200, columns: 180)
        reference.add(b, a + change)
        reference.add(b, a, scaledBy: -1)
        let decomposition = try sum.truncatedSVD(rank: 60)
        #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 1e-6)
        #expect(throws: LinearAlgebraError.illConditioned(operation: "Gram route")) {
            try sum.truncatedSVD(rank: 60, route: .gram)
        }
    }

    @Test("takes a coefficient for each component")
    func componentCoefficients() throws {
        let b = Matrix([[1, 0], [0, 1], [0, 0]])
        let a = Matrix([[1, 0, 0], [0, 1, 0]])
        var sum = FactoredSum(rows: 3, columns: 3)
        sum.add(b, a, coefficients: [0, -2])
        sum.add(b, a, coefficients: [0, 0])
        #expect(sum.stackedRank == 2)
        let decomposition = try sum.truncatedSVD(rank: 2)
        #expect(abs(decomposition.singularValues[0] - 2) < 1e-12 && decomposition.singularValues[1] == 0)
        #expect(decomposition.u[1, 0] == 1 && decomposition.vt[0, 1] == -1)
    }

    @Test("refuses factors that are not finite, and products that overflow 64 bits", arguments: [Float.nan, .infinity])
    func notFinite(_ value: Float) {
        var poisoned = FactoredSum(rows: 3, columns: 3)
        poisoned.add(Matrix([[1], [value], [0]]), Matrix([[1, 2, 3]]))
        var huge = FactoredSum(rows: 1, columns: 1)
        huge.add(Matrix([[3e38]]), Matrix([[3e38]]), coefficient: 1e300)
        for route in [nil] + FactoredSum.Route.allCases {
            #expect(throws: LinearAlgebraError.notFinite(operation: "sum of low-rank products")) {
                try poisoned.truncatedSVD(rank: 1, route: route)
            }
            #expect(throws: LinearAlgebraError.notFinite(operation: "sum of low-rank products")) {
                try huge.truncatedSVD(rank: 1, route: route)
            }
        }
    }

    @Test("gives the same bits on one thread and on several", arguments: FactoredSum.Route.allCases)
    func threads(_ route: FactoredSum.Route) throws {
        let sum = Self.cases[2].sum()
        let alone = try sum.truncatedSVD(rank: 12, route: route, threads: 1)
        for _ in 0..<5 {
            #expect(try sum.truncatedSVD(rank: 12, route: route, threads: 2) == alone)
        }
    }
}
