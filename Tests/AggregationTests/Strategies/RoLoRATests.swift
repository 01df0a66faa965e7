import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct RoLoRATests {
    private let b = Matrix([[1], [-2]])
    private var start: LoRAModule { LoRAModule(a: Matrix([[1, 1]]), b: b, alpha: 1) }

    @Test("trains B in odd rounds and A in even ones")
    func alternates() {
        #expect((1...4).map { RoLoRA().trainedFactors(inRound: $0) } == [.b, .a, .b, .a])
    }

    @Test("averages A exactly while all B are equal")
    func meanOfA() throws {
        let modules = [Matrix([[1, 0]]), Matrix([[3, 4]])].map { LoRAModule(a: $0, b: b, alpha: 1) }
        let next = try WorkedExample.next(
            RoLoRA(),
            WorkedExample.updates(modules, weights: [1, 3]),
            from: start,
            round: RoundContext(number: 2)
        )
        #expect(try #require(next.modules["layer"]).a.deviation(from: [[2.5, 3]]) < 1e-6)
        #expect(next.modules["layer"]?.b == b)
    }

    @Test("refuses a B that moved by a millionth in a round of A")
    func frozen() {
        var moved = start
        moved.b[0, 0] += 1e-6
        let updates = WorkedExample.updates([start, moved], weights: [1, 1])
        let error = AggregationError.frozenFactorDiffers(client: ClientID("1"), tensor: "layer.lora_B.weight")
        #expect(throws: error) {
            try WorkedExample.next(RoLoRA(), updates, from: start, round: RoundContext(number: 2))
        }
        #expect(throws: Never.self) { try WorkedExample.next(RoLoRA(), updates, from: start) }
    }
}
