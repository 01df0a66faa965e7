import Adapters
import LinearAlgebra
import Testing

@testable import Training

@Suite("Adapter layout")
struct AdapterLayoutTests {
    let model: BertModel
    let adapter: LoRAAdapter

    init() throws {
        model = try Fixture.tinyModel()
        adapter = try TinyReference().adapter("adapter")
    }

    private func layout(_ adapter: LoRAAdapter, labels: Int = 3) throws -> AdapterLayout {
        try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: labels)
    }

    @Test("copies every number in and out again")
    func roundTrip() throws {
        let layout = try layout(adapter)
        let flat = layout.flatten(adapter)
        #expect(flat.count == layout.count && layout.count == 2691)
        #expect(layout.adapter(from: flat) == adapter)
        let changed = layout.adapter(from: flat.map { $0 + 1 })
        #expect(layout.flatten(changed) == flat.map { $0 + 1 })
    }

    @Test("stacks the A's of layers that read the same input, each at its own rank")
    func stacks() throws {
        let group = try #require(try layout(adapter).layers[1][.attention])
        #expect(group.members.map(\.role) == [.query, .key, .value])
        #expect(group.members.map(\.rank) == [3, 2, 1])
        #expect(group.members.map(\.offset) == [0, 3, 5])
        #expect(group.rank == 6 && group.a.count == 6 * 32)
    }

    @Test("knows the lowest adapted place")
    func lowest() throws {
        #expect(try layout(adapter).lowestAdapted?.layer == 0)
        #expect(try layout(adapter).lowestAdapted?.input == .attention)
        let upper = try TinyReference().adapter("adapter") { $0.contains("layer.1.output") || $0.contains("pooler") }
        #expect(try layout(upper).lowestAdapted?.layer == 1)
        #expect(try layout(upper).lowestAdapted?.input == .output)
        let pooler = try TinyReference().adapter("adapter") { $0.contains("pooler") }
        #expect(try layout(pooler).lowestAdapted == nil)
    }

    @Test("refuses what has no place in the model, and names it")
    func refusals() throws {
        func message(_ change: (inout LoRAAdapter) -> Void, labels: Int = 3) -> String {
            var changed = adapter
            change(&changed)
            let error = #expect(throws: TrainingError.self) { try layout(changed, labels: labels) }
            return error?.description ?? ""
        }
        let module = LoRAModule(a: Matrix(rows: 2, columns: 32), b: Matrix(rows: 48, columns: 2), alpha: 2)
        #expect(message { $0.modules["bert.encoder.layer.2.output.dense"] = module }.contains("layer.2.output.dense"))
        #expect(
            message { $0.modules["bert.encoder.layer.0.output.dense"] = module }
                .contains("is 48×32 at rank 2 where the model's layer is 32×48")
        )
        let empty = LoRAModule(a: Matrix(rows: 0, columns: 32), b: Matrix(rows: 32, columns: 0), alpha: 2)
        #expect(message { $0.modules["bert.pooler.dense"] = empty }.contains("at rank 0"))
        #expect(
            message { $0.savedTensors["classifier.weight"] = nil }.contains(
                "'classifier.weight' of the adapter is missing"
            )
        )
        #expect(message({ _ in }, labels: 4).contains("has the shape [3, 32] where the job's labels need [4, 32]"))
        #expect(
            message { $0.savedTensors["score.weight"] = DenseTensor(shape: [1], elements: [0]) }
                .contains("'score.weight' of the adapter cannot be trained whole")
        )
    }
}
