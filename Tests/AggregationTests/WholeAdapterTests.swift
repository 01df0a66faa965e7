import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

struct WholeAdapterTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    @Test("puts what is folded in and what is trained side by side, and cuts both by singular values")
    func joins() throws {
        var adapter = Cohort(rank: 3).global
        adapter.residual = Cohort(rank: 5, seed: 7).global.modules
        let whole = try adapter.whole()
        for (path, module) in adapter.modules {
            var expected = module.product
            let residual = try #require(adapter.residual[path])
            expected.add(residual.b, residual.a, scaledBy: residual.scaling)
            let found = try #require(whole.modules[path])
            #expect(found.rank == 8 && found.product.relativeDistance(to: expected) < 1e-6)
            let cut = try #require(try adapter.whole(atRank: 2).modules[path])
            let best = try SingularValueDecomposition(
                of: Matrix(rows: expected.rows, columns: expected.columns, elements: expected.elements.map(Float.init))
            )
            let tail = best.singularValues.dropFirst(2).reduce(0) { $0 + $1 * $1 }.squareRoot()
            let norm = best.singularValues.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(cut.rank == 2)
            #expect(abs(cut.product.relativeDistance(to: expected) - tail / norm) < 1e-5)
        }
        #expect(whole.residual.isEmpty && whole.savedTensors == adapter.savedTensors)
    }

    @Test("leaves a plain adapter as it is, and cuts it by singular values too, at its own alpha")
    func plain() throws {
        let adapter = Cohort(rank: 4).global
        #expect(try adapter.whole() == adapter)
        #expect(try adapter.whole(atRank: 4) == adapter)
        let cut = try adapter.whole(atRank: 2)
        let first = try FlexLoRA().adapter(forRank: 2, from: adapter)
        for (path, module) in adapter.modules {
            let (best, prefix) = (try #require(cut.modules[path]), try #require(first.modules[path]))
            #expect(best.rank == 2 && best.alpha == module.alpha)
            // The components of a mean of factors are in no order: the first ones are not the best ones.
            #expect(
                best.product.relativeDistance(to: module.product)
                    < prefix.product.relativeDistance(to: module.product)
            )
        }
        for rank in [0, 5] {
            #expect(throws: AggregationError.invalidRank(rank, offered: 1...4)) { try adapter.whole(atRank: rank) }
        }
    }

    @Test("makes plain LoRA of cores, and cuts what they make of B")
    func cores() throws {
        var cohort = Cohort(rank: 4)
        for path in cohort.global.modules.keys.sorted() {
            cohort.global.modules[path]?.core = Matrix(gaussian: 4, 4, using: &cohort.generator)
        }
        let plain = LoRAAdapter(
            modules: cohort.global.modules.mapValues(\.withoutCore),
            savedTensors: cohort.global.savedTensors
        )
        #expect(try cohort.global.whole() == plain)
        #expect(try cohort.global.whole(atRank: 2) == plain.whole(atRank: 2))
    }
}
