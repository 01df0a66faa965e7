import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct RandomizedRouteTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let rows: Int
        let columns: Int
        let ranks: [Int]
        /// What the coefficients shrink by from one term to the next.
        var decay = 1.0
        var testDescription: String { name }

        var sum: FactoredSum {
            var size = 1.0
            let coefficients = ranks.indices.map { index in
                defer { size *= decay }
                return index % 3 == 2 ? -size : size
            }
            return .gaussian(rows: rows, columns: columns, ranks: ranks) { coefficients[$0] }
        }
    }

    static let cases = [
        // Flat: the leading singular values are no larger than many others.
        Case(name: "40 clients, flat", rows: 512, columns: 512, ranks: [Int](repeating: 8, count: 40)),
        Case(name: "wider than the matrix", rows: 200, columns: 256, ranks: [Int](repeating: 8, count: 60)),
        Case(name: "decaying", rows: 300, columns: 280, ranks: [Int](repeating: 4, count: 40), decay: 0.7),
        Case(name: "mixed ranks", rows: 260, columns: 300, ranks: [1, 64, 2, 33, 8, 8, 128, 5], decay: 0.9),
        Case(name: "one wide term", rows: 400, columns: 300, ranks: [290]),
    ]

    @Test("stays within 1 % of the smallest error, and within what it says", arguments: cases, [1, 8, 16, 32])
    func accuracy(_ test: Case, _ rank: Int) throws {
        let sum = test.sum
        let exact: FactoredSum.Route = sum.stackedRank <= min(test.rows, test.columns) ? .householder : .dense
        let smallest = try sum.truncation(rank: rank, route: exact).report.residual
        let (decomposition, report) = try sum.truncation(rank: rank, route: .randomized)
        let error = sum.distance(to: decomposition)
        #expect(report.route == .randomized)
        #expect(error <= 1.01 * smallest)
        let excess = try #require(report.excess)
        // The residual's estimate is part of the excess's: allow for its own error, a few percent of what is not much.
        #expect(error / smallest - 1 <= 1.1 * excess + 1e-6)
        // Ten probes of a residual of a few hundred dimensions.
        #expect(abs(report.residual - error) < 0.1 * error)
        #expect(decomposition.u.deviationFromOrthonormalColumns < 1e-6)
        #expect(decomposition.vt.transposed().deviationFromOrthonormalColumns < 1e-6)
        #expect(decomposition.obeysSignRule)
    }

    @Test("hands over to an exact route where its bound is missed", arguments: cases.prefix(2))
    func fallsBack(_ test: Case) throws {
        let (decomposition, report) = try test.sum.truncation(rank: 2, route: .randomized, tolerableExcess: 1e-9)
        #expect(report.route == (test.sum.stackedRank <= test.rows ? .gram : .dense))
        #expect(report.excess == 0)
        #expect(try decomposition == test.sum.truncatedSVD(rank: 2, route: report.route))
    }

    @Test("is exact for sums of low rank, and completes the vectors beyond it", arguments: [4, 9, 20])
    func lowRank(_ rank: Int) throws {
        var generator = CounterGenerator(seed: 32)
        let b = Matrix(gaussian: 150, 4, using: &generator)
        let a = Matrix(gaussian: 4, 120, using: &generator)
        var sum = FactoredSum(rows: 150, columns: 120)
        for _ in 0..<50 {
            sum.add(b, a, coefficient: 0.02)
        }
        var reference = ReferenceMatrix(rows: 150, columns: 120)
        reference.add(b, a)
        let (decomposition, report) = try sum.truncation(rank: rank, route: .randomized)
        #expect(report.route == .randomized)
        #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 2e-7)
        #expect(decomposition.singularValues.dropFirst(4).allSatisfy { $0 == 0 })
        #expect(decomposition.u.deviationFromOrthonormalColumns < 1e-6)
        #expect(decomposition.vt.transposed().deviationFromOrthonormalColumns < 1e-6)
    }

    @Test("finds singular values that repeat more often than a block is wide")
    func repeated() throws {
        var generator = CounterGenerator(seed: 33)
        let q = QRFactorization(of: Matrix(gaussian: 200, 60, using: &generator)).q()
        let p = QRFactorization(of: Matrix(gaussian: 180, 60, using: &generator)).q()
        var sum = FactoredSum(rows: 200, columns: 180)
        sum.add(q, p.transposed(), coefficient: 3)
        let (decomposition, report) = try sum.truncation(rank: 5, route: .randomized)
        #expect(report.route == .randomized)
        #expect(decomposition.singularValues.allSatisfy { abs($0 - 3) < 1e-5 })
        #expect(abs(sum.distance(to: decomposition) - 3 * 55.0.squareRoot()) < 1e-4)
    }

    @Test("factors layers of one row or one column", arguments: [(1, 40), (40, 1), (1, 1)])
    func thin(_ shape: (rows: Int, columns: Int)) throws {
        let sum = FactoredSum.gaussian(rows: shape.rows, columns: shape.columns, ranks: [1, 2, 3])
        let found = try sum.truncatedSVD(rank: 4, route: .randomized)
        #expect(found.count == 1)
        #expect(sum.distance(to: found) < 1e-6 * sum.frobeniusNorm())
    }

    @Test("is chosen for stacks and matrices that are too wide for the exact routes")
    func choice() throws {
        let wide = FactoredSum.gaussian(rows: 1_040, columns: 1_030, ranks: [Int](repeating: 65, count: 16))
        #expect(try wide.truncation(rank: 1).report.route == .randomized)
        let narrow = FactoredSum.gaussian(rows: 80, columns: 90, ranks: [30, 30])
        #expect(try narrow.truncation(rank: 1).report.route == .householder)
        let middle = FactoredSum.gaussian(rows: 80, columns: 90, ranks: [30, 40])
        #expect(try middle.truncation(rank: 1).report.route == .gram)
        let full = FactoredSum.gaussian(rows: 80, columns: 90, ranks: [50, 40])
        #expect(try full.truncation(rank: 1).report.route == .dense)
    }

    @Test("gives the same bits on one thread and on several")
    func threads() throws {
        let sum = Self.cases[3].sum
        let alone = try sum.truncation(rank: 12, route: .randomized, threads: 1)
        let together = try sum.truncation(rank: 12, route: .randomized, threads: 3)
        #expect(alone.decomposition == together.decomposition)
        #expect(alone.report == together.report)
    }

    @Test("gives the same bits from mapped factors, on every route", arguments: FactoredSum.Route.allCases)
    func mapped(_ route: FactoredSum.Route) async throws {
        try await withTemporaryDirectory { folder in
            var generator = CounterGenerator(seed: 34)
            var resident = FactoredSum(rows: 300, columns: 270)
            var mapped = resident
            for rank in [16, 1, 40, 8] {
                let b = Matrix(gaussian: 300, rank, using: &generator)
                let a = Matrix(gaussian: rank, 270, using: &generator)
                resident.add(b, a, coefficient: 0.25)
                mapped.add(try .mapped(b, in: folder), try .mapped(a, in: folder), coefficient: 0.25)
            }
            #expect(mapped.frobeniusNorm() == resident.frobeniusNorm())
            #expect(mapped.dense() == resident.dense())
            // The first call releases the pages that the second one reads.
            for _ in 0..<2 {
                #expect(
                    try mapped.truncatedSVD(rank: 6, route: route) == resident.truncatedSVD(rank: 6, route: route)
                )
            }
        }
    }
}
