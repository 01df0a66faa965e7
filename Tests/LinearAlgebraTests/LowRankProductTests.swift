import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct LowRankProductTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// Products of mixed ranks, more than share a block, and what they are when multiplied out.
    private static func products(_ count: Int) -> (products: [LowRankProduct], references: [ReferenceMatrix]) {
        var generator = CounterGenerator(seed: 51)
        var products: [LowRankProduct] = []
        var references: [ReferenceMatrix] = []
        for index in 0..<count {
            let rank = index % 5
            let b = Matrix(gaussian: 150, rank, using: &generator)
            let a = Matrix(gaussian: rank, 135, using: &generator)
            let scale = generator.gaussian()
            products.append(LowRankProduct(StoredMatrix(b), StoredMatrix(a), scale: scale))
            var reference = ReferenceMatrix(rows: 150, columns: 135)
            reference.add(b, a, scaledBy: scale)
            references.append(reference)
        }
        return (products, references)
    }

    @Test("gives the inner products of the matrices multiplied out, across ranks from 0 to 4")
    func inner() {
        let (products, references) = Self.products(19)
        let gram = LowRankProduct.innerProducts(of: products)
        for row in 0..<19 {
            for column in 0..<19 {
                let expected = zip(references[row].elements, references[column].elements).reduce(0) { $0 + $1.0 * $1.1 }
                let found = gram[row * 19 + column]
                #expect(abs(found - expected) <= 1e-12 * (references[row].norm * references[column].norm))
                #expect(found == gram[column * 19 + row])
                // A pair has the same bits alone and among others.
                if row <= column {
                    #expect(found == products[row].innerProduct(with: products[column]))
                }
            }
        }
    }

    @Test("gives the worked example: ⟨B₁A₁, B₂A₂⟩ of ranks 1 and 2")
    func golden() {
        let first = LowRankProduct(StoredMatrix(Matrix([[1], [2], [0]])), StoredMatrix(Matrix([[1, 0]])), scale: 2)
        let second = LowRankProduct(
            StoredMatrix(Matrix([[0, 1], [1, 0], [1, 1]])),
            StoredMatrix(Matrix([[1, 1], [0, 2]]))
        )
        // 2·[[1,0],[2,0],[0,0]] and [[0,2],[1,1],[1,3]].
        #expect(first.innerProduct(with: second) == 4)
        #expect(first.innerProduct(with: first) == 20)
        #expect(second.innerProduct(with: second) == 16)
    }

    @Test("puts equal factors at distance zero, exactly, and the same product in another gauge nearly")
    func distances() {
        let (products, _) = Self.products(5)
        var gauged = products[4]
        gauged = LowRankProduct(
            StoredMatrix(3 * gauged.b.resident()),
            StoredMatrix((1.0 / 3) * gauged.a.resident()),
            scale: gauged.scale
        )
        let gram = LowRankProduct.innerProducts(of: [products[4], products[4], gauged])
        #expect(gram[0] + gram[4] - 2 * gram[1] == 0)
        #expect(abs(gram[0] + gram[8] - 2 * gram[2]) < 1e-6 * gram[0])
    }

    @Test("depends neither on threads nor on where the factors lie")
    func sameBits() async throws {
        let (products, _) = Self.products(40)
        let alone = LowRankProduct.innerProducts(of: products, threads: 1)
        #expect(LowRankProduct.innerProducts(of: products, threads: 3) == alone)
        try await withTemporaryDirectory { folder in
            let mapped = try products.map {
                LowRankProduct(
                    try .mapped($0.b.resident(), in: folder),
                    try .mapped($0.a.resident(), in: folder),
                    scale: $0.scale
                )
            }
            #expect(LowRankProduct.innerProducts(of: mapped) == alone)
        }
        #expect(LowRankProduct.innerProducts(of: []).isEmpty)
    }

    @Test("is not finite where a factor is not", arguments: [Float.nan, .infinity])
    func notFinite(_ value: Float) {
        let poisoned = LowRankProduct(StoredMatrix(Matrix([[value]])), StoredMatrix(Matrix([[1, 2]])))
        #expect(!poisoned.innerProduct(with: poisoned).isFinite)
    }
}
