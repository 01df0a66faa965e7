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

    @Test("leaves a plain adapter as it is, and cuts it as clients get it")
    func plain() throws {
        let adapter = Cohort(rank: 4).global
        #expect(try adapter.whole() == adapter)
        #expect(try adapter.whole(atRank: 2) == FlexLoRA().adapter(forRank: 2, from: adapter))
        #expect(throws: AggregationError.self) { try adapter.whole(atRank: 0) }
    }
}
