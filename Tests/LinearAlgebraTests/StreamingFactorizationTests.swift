import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct StreamingFactorizationTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    private func stream(
        _ count: Int,
        rank: Int,
        capacity: Int,
        threads: Int = 2
    ) throws -> (
        factorization: StreamingFactorization, sum: FactoredSum
    ) {
        var generator = CounterGenerator(seed: 41)
        var factorization = StreamingFactorization(rows: 130, columns: 110, capacity: capacity)
        var sum = FactoredSum(rows: 130, columns: 110)
        for index in 0..<count {
            let b = StoredMatrix(Matrix(gaussian: 130, rank, using: &generator))
            let a = StoredMatrix(Matrix(gaussian: rank, 110, using: &generator))
            // Clients of unequal weight.
            let coefficient = 1 / Double(index + 1)
            try factorization.add(b, a, coefficient: coefficient, threads: threads)
            sum.add(b, a, coefficient: coefficient)
        }
        return (factorization, sum)
    }

    @Test("bounds its error, which four times the rank keeps near the smallest", arguments: [1, 3, 20, 60])
    func certificate(_ count: Int) throws {
        var (factorization, sum) = try stream(count, rank: 8, capacity: 32)
        let (kept, bound) = try factorization.triplets(rank: 32)
        #expect(factorization.stackedRank == 8 * count)
        #expect(sum.distance(to: kept) <= bound)
        #expect(bound == factorization.certificate)

        let (leading, leadingBound) = try factorization.triplets(rank: 8)
        let error = sum.distance(to: leading)
        #expect(error <= leadingBound)
        let smallest = try sum.truncation(rank: 8).report.residual
        // Of one term nothing is left to compare.
        #expect(error <= 1.01 * smallest + 1e-6 * sum.frobeniusNorm())
    }

    @Test("loses nothing where the rank stays within the capacity")
    func exact() throws {
        var generator = CounterGenerator(seed: 42)
        let b = Matrix(gaussian: 130, 6, using: &generator)
        var factorization = StreamingFactorization(rows: 130, columns: 110, capacity: 6)
        var reference = ReferenceMatrix(rows: 130, columns: 110)
        for _ in 0..<50 {
            let a = Matrix(gaussian: 6, 110, using: &generator)
            try factorization.add(StoredMatrix(b), StoredMatrix(a), coefficient: 0.1)
            reference.add(b, a, scaledBy: 0.1)
        }
        let (decomposition, bound) = try factorization.triplets(rank: 6)
        #expect(decomposition.referenceProduct.relativeDistance(to: reference) < 1e-6)
        #expect(bound < 1e-5 * reference.norm)
    }

    @Test("is the zero matrix before anything is added, and after zeros")
    func zero() throws {
        var factorization = StreamingFactorization(rows: 5, columns: 4, capacity: 3)
        for _ in 0..<2 {
            let (decomposition, bound) = try factorization.triplets(rank: 2)
            #expect(decomposition.singularValues == [0, 0])
            #expect(decomposition.u.firstRows(2) == Matrix([[1, 0], [0, 1]]))
            #expect(bound == 0)
            try factorization.add(StoredMatrix(Matrix(rows: 5, columns: 2)), StoredMatrix(Matrix(rows: 2, columns: 4)))
        }
    }

    @Test("gives the same bits on one thread and on several")
    func threads() throws {
        var alone = try stream(40, rank: 8, capacity: 20, threads: 1).factorization
        var together = try stream(40, rank: 8, capacity: 20, threads: 3).factorization
        let (first, second) = (try alone.triplets(rank: 9, threads: 1), try together.triplets(rank: 9, threads: 3))
        #expect(first.decomposition == second.decomposition)
        #expect(first.residualBound == second.residualBound)
    }

    @Test("refuses terms that are not finite when they are merged")
    func notFinite() throws {
        var factorization = StreamingFactorization(rows: 3, columns: 3, capacity: 2)
        try factorization.add(StoredMatrix(Matrix([[1], [.nan], [0]])), StoredMatrix(Matrix([[1, 2, 3]])))
        #expect(throws: LinearAlgebraError.notFinite(operation: "sum of low-rank products")) {
            try factorization.triplets(rank: 1)
        }
    }

    @Test("is a route of its own, whose bound holds")
    func route() throws {
        let sum = try stream(30, rank: 8, capacity: 8).sum
        let (decomposition, report) = try sum.truncation(rank: 8, route: .streaming)
        #expect(report.route == .streaming)
        #expect(report.stackedRank == 240)
        #expect(report.excess == nil)
        let error = sum.distance(to: decomposition)
        #expect(error <= report.residual)
        #expect(error <= 1.01 * (try sum.truncation(rank: 8).report.residual))
    }
}
