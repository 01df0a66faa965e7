import Adapters
import Aggregation
import Foundation
import LinearAlgebra
import TestSupport
import Testing

/// The table of strategies, and that it is true.
struct StrategyTableTests {
    /// One layer, for the formulas of the table.
    private struct Layer {
        let module: LoRAModule
        /// What earlier rounds folded into the base model.
        let residual: LoRAModule?
        let trained: TrainedFactors

        func count(_ formula: String) -> Int? {
            let (d, k, r, m) = (module.outputWidth, module.inputWidth, module.rank, residual?.rank ?? 0)
            return switch formula {
            case "r(d+k)", "rᵢ(d+k)": r * (d + k)
            case "(r+m)(d+k)", "(rᵢ+m)(d+k)": (r + m) * (d + k)
            case "r²": r * r
            case "r² + r(d+k)": r * r + r * (d + k)
            case "rd": r * d
            case "rk": r * k
            case "rd or rk": trained.includesA ? r * k : r * d
            default: nil
            }
        }
    }

    @Test("says how many numbers travel", arguments: StrategyUnderTest.all)
    func traffic(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        cohort.global = try test.next(from: cohort.global, cohort.updates(for: test))
        let handed = try test.strategy.adapter(forRank: test.takesMixedRanks ? 2 : 4, from: cohort.global)
        let scope = test.strategy.scope(inRound: test.round.number)
        var (sent, received) = (0, 0)
        for (path, module) in handed.modules {
            let layer = Layer(module: module, residual: handed.residual[path], trained: test.trained)
            sent += try #require(layer.count(test.strategy.profile.sent))
            received += try #require(layer.count(test.strategy.profile.received))
        }
        #expect(try numbers(in: AdapterPayload.bytes(of: handed, scope: scope)) == sent)
        #expect(try numbers(in: AdapterPayload.bytes(of: handed)) == received)
    }

    /// How many numbers a payload holds, without the head.
    private func numbers(in bytes: [UInt8]) throws -> Int {
        let file = try SafetensorsFile(bytes: bytes, source: "a payload", limits: .payload)
        return file.tensors.filter { !$0.name.hasSuffix("head.weight") }.reduce(0) { $0 + $1.elementCount }
    }
}
