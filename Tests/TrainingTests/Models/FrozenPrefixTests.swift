import Adapters
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("Layers below every adapter")
struct FrozenPrefixTests {
    private static let labelCount = 3

    init() { BLASThreads.useCallingThreadOnly() }

    /// An adapter of the upper of two layers, and of the head where there is one.
    private func upper(_ adapter: LoRAAdapter) -> LoRAAdapter {
        var adapter = adapter
        adapter.modules = adapter.modules.filter { $0.key.contains("layer.1.") || $0.key.contains("layers.1.") }
        return adapter
    }

    private func packed(_ texts: [[Int32]]) -> PackedTexts {
        var packed = PackedTexts()
        for text in texts { packed.append(text) }
        return packed
    }

    @Test("give a BERT's texts the same bits, whether all, some or none of them are known")
    func bert() throws {
        var model = try Fixture.tinyModel()
        let adapter = try upper(TinyReference().adapter("adapter"))
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: Self.labelCount)
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        let texts = packed(TinyReference.texts)
        func logits(_ texts: PackedTexts, recording: Bool) -> [Float] {
            var workspace = BertWorkspace(layerCount: 2, recording: recording)
            model.run(texts, adapter: BatchAdapter(active, over: texts), in: &workspace)
            return workspace.head.logits
        }
        model.prefix = FrozenPrefix(byteLimit: 0)
        let expected = logits(texts, recording: false)
        #expect(model.prefix.count == 0)

        model.prefix = FrozenPrefix()
        _ = logits(packed([TinyReference.texts[2], TinyReference.texts[0]]), recording: true)
        #expect(model.prefix.count == 2)
        for isRecording in [false, true, true] {
            #expect(logits(texts, recording: isRecording).map(\.bitPattern) == expected.map(\.bitPattern))
        }
        #expect(model.prefix.count == TinyReference.texts.count)
    }

    @Test("give a Llama's texts the same losses, whether all, some or none of them are known")
    func llama() throws {
        let reference = try TinyLlama()
        var model = reference.model
        let active = try reference.active(upper(reference.adapter("adapter")))
        func losses(_ texts: [[Int32]]) -> [Double] {
            var worker = model.worker(recording: false)
            return worker.judge(packed(texts), adapter: active).map { output in
                guard case .nextTokens(let loss, _) = output else { return .nan }
                return loss
            }
        }
        model.prefix = FrozenPrefix(byteLimit: 0)
        let expected = losses(TinyLlama.texts)
        model.prefix = FrozenPrefix()
        _ = losses([TinyLlama.texts[2], TinyLlama.texts[3]])
        #expect(model.prefix.count == 2)
        for _ in 0..<2 { #expect(losses(TinyLlama.texts) == expected) }
    }

    @Test("leave the gradient of upper layers as it is")
    func gradient() throws {
        var model = try Fixture.tinyModel()
        let adapter = try upper(TinyReference().adapter("adapter"))
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: Self.labelCount)
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        func gradient() -> [UInt32] {
            var gradient: [Float] = []
            var pass = ShardedPass(model: model, threads: 1)
            _ = pass.run(TinyReference.shards(2), adapter: active, gradient: &gradient)
            return gradient.map(\.bitPattern)
        }
        model.prefix = FrozenPrefix(byteLimit: 0)
        let expected = gradient()
        #expect(expected.contains { $0 != 0 })
        model.prefix = FrozenPrefix()
        for _ in 0..<2 { #expect(gradient() == expected) }
    }

    @Test("are kept up to a limit, and apart by how many they are")
    func limit() {
        let texts = packed([[1, 2, 3], [4, 5], [6]])
        let rows = (0..<12).map { Float($0) }
        // Two numbers a token: the first text takes 24 of 32 bytes, the second would take 16, the third takes 8.
        let prefix = FrozenPrefix(byteLimit: 32)
        func complete(depth: Int) -> (rows: [Float], run: [Int32]) {
            var (found, run): ([Float], [Int32]) = ([], [])
            prefix.complete(texts, depth: depth, into: &found) { missing in
                run = missing.tokens
                return missing.tokens.flatMap { rows[2 * Int($0) - 2..<2 * Int($0)] }
            }
            return (found, run)
        }
        #expect(complete(depth: 1) == (rows, [1, 2, 3, 4, 5, 6]))
        #expect(prefix.count == 2)
        #expect(complete(depth: 1) == (rows, [4, 5]))
        #expect(complete(depth: 2) == (rows, [1, 2, 3, 4, 5, 6]))
    }

    @Test("are others when a residual has been folded into the model")
    func folding() throws {
        let model = try Fixture.tinyModel()
        var rows: [Float] = []
        model.prefix.complete(packed([[7]]), depth: 1, into: &rows) { _ in [1, 2] }
        let path = BertModel.path(layer: 0, role: .query)
        let module = LoRAModule(a: Matrix(rows: 1, columns: 32), b: Matrix(rows: 32, columns: 1), alpha: 1)
        #expect(try model.folding([path: module]).prefix.count == 0)
        #expect(model.prefix.count == 1)
    }
}
