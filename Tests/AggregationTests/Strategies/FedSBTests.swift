import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FedSBTests {
    private let b = Matrix([[1, 0], [0, 1], [0, 0]])
    private let a = Matrix([[0.6, 0.8], [-0.8, 0.6]])

    private func module(_ core: [[Float]], alpha: Double = 2) -> LoRAModule {
        LoRAModule(a: a, b: b, core: Matrix(core), alpha: alpha)
    }

    @Test("averages the cores")
    func golden() throws {
        let modules = [module([[1, 0], [0, 2]]), module([[3, 0], [0, 4]])]
        let next = try WorkedExample.next(FedSB(), WorkedExample.updates(modules, weights: [1, 3]), from: modules[0])
        #expect(next.modules["layer"]?.core == Matrix([[2.5, 0], [0, 3.5]]))
        #expect(next.modules["layer"]?.a == a && next.modules["layer"]?.b == b)
    }

    @Test("brings cores to the global scale")
    func scales() throws {
        let modules = [module([[1, 2], [3, 4]]), module([[1, 0], [0, 1]], alpha: 6)]
        let next = try WorkedExample.next(FedSB(), WorkedExample.updates(modules, weights: [1, 1]), from: modules[0])
        #expect(next.modules["layer"]?.core == Matrix([[2, 1], [1.5, 3.5]]))
    }

    @Test("starts with the singular values of the initial product as the core")
    func start() throws {
        let cohort = Cohort(rank: 4)
        let start = try FedSB().start(from: cohort.global, seed: 3)
        #expect(start.distance(to: cohort.global) < 1e-6)
        for module in start.modules.values {
            let core = try #require(module.core)
            #expect(module.b.deviationFromOrthonormalColumns < 1e-6)
            #expect(module.a.transposed().deviationFromOrthonormalColumns < 1e-6)
            #expect((0..<3).allSatisfy { core[$0, $0] >= core[$0 + 1, $0 + 1] } && core[0, 1] == 0)
        }
        #expect(try FedSB().start(from: start, seed: 4) == start)
    }

    @Test("starts with a core of zero, between factors that let it learn, where B is zero")
    func startFromZero() throws {
        var cohort = Cohort(rank: 4)
        for (path, module) in cohort.global.modules {
            cohort.global.modules[path]?.b = Matrix(rows: module.outputWidth, columns: 4)
        }
        let start = try FedSB().start(from: cohort.global, seed: 3)
        for module in start.modules.values {
            #expect(module.core == Matrix(rows: 4, columns: 4))
            #expect(module.b.deviationFromOrthonormalColumns < 1e-6)
            #expect(module.a.transposed().deviationFromOrthonormalColumns < 1e-6)
        }
        #expect(try FedSB().start(from: cohort.global, seed: 3) == start)
        #expect(try FedSB().start(from: cohort.global, seed: 4) != start)
    }

    @Test("hands out one rank")
    func ranks() throws {
        let start = try FedSB().start(from: Cohort(rank: 4).global, seed: 3)
        #expect(throws: AggregationError.invalidRank(2, offered: 4...4)) {
            try FedSB().adapter(forRank: 2, from: start)
        }
    }
}
