import Adapters
import LinearAlgebra

/// Where every trained number of an adapter lies in one flat array.
///
/// Optimizers, clipping and sums over shards see nothing but flat arrays; the model finds its factors by range. A's of
/// layers that read the same input lie next to each other (``LowRankGroup``).
struct AdapterLayout: Sendable {
    /// The groups of one block, by the input they read.
    typealias Layer = [LayerInput: LowRankGroup]

    /// Where a head lies that is trained whole.
    struct Head: Sendable {
        /// labels×hidden.
        let weight: Range<Int>
        let bias: Range<Int>
    }

    /// One entry a block of the model.
    let layers: [Layer]
    let pooler: LowRankGroup?
    /// `nil` when the base model's own head is used.
    let head: Head?
    /// How many numbers are trained.
    let count: Int
    /// The pieces in which an adapter is copied in and out.
    let pieces: [Piece]
    /// What the flat array does not hold: names, shapes and scales.
    private let template: LoRAAdapter

    /// Where one tensor lies.
    struct Piece: Sendable {
        enum Source: Sendable, Equatable {
            case a(module: String)
            case b(module: String)
            case saved(tensor: String)
        }

        let source: Source
        let range: Range<Int>
    }

    /// Finds a place for each tensor of `adapter`.
    ///
    /// - Parameters:
    ///   - adapter: What is to be trained: modules of the model, and the head if it has one.
    ///   - model: The places of the model that it adapts.
    ///   - labelCount: How many rows the head must have; of no interest when the model has none.
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when a tensor has no place in the model, has
    ///   another shape than its place, or the head is missing.
    init(adapter: LoRAAdapter, model: AdaptableLayers, labelCount: Int) throws(TrainingError) {
        var builder = Builder(adapter: adapter, head: model.head?.path)
        var layers: [Layer] = []
        for block in model.blocks {
            var layer: Layer = [:]
            for input in LayerInput.allCases {
                layer[input] = try builder.group(block.filter { $0.role.input == input })
            }
            layers.append(layer)
        }
        self.layers = layers
        self.pooler = try builder.group(model.pooler.map { [$0] } ?? [])
        if let head = model.head {
            self.head = Head(
                weight: try builder.saved(head.weightName, shape: [labelCount, head.inputWidth]),
                bias: try builder.saved(head.biasName, shape: [labelCount])
            )
        } else {
            self.head = nil
        }
        try builder.checkNothingIsLeft()
        self.pieces = builder.pieces
        self.count = builder.count
        self.template = adapter
    }

    /// The head of a model that cannot do without one.
    var requiredHead: Head {
        guard let head else { preconditionFailure("the model has no head that is trained") }
        return head
    }

    /// The lowest place of the blocks that is adapted: below it no gradient is needed.
    var lowestAdapted: (layer: Int, input: LayerInput)? {
        for (index, layer) in layers.enumerated() {
            if let input = layer.keys.min() { return (index, input) }
        }
        return nil
    }

    // MARK: - Copying in and out

    /// Returns the numbers of `adapter`, which has the tensors that the layout was made for.
    func flatten(_ adapter: LoRAAdapter) -> [Float] {
        var flat = [Float](repeating: 0, count: count)
        for piece in pieces { flat.replaceSubrange(piece.range, with: elements(of: piece, in: adapter)) }
        return flat
    }

    /// Returns the adapter whose numbers are `flat`.
    func adapter(from flat: [Float]) -> LoRAAdapter {
        var adapter = template
        for piece in pieces {
            let elements = Array(flat[piece.range])
            switch piece.source {
            case .a(let module):
                guard let old = adapter.modules[module] else { continue }
                adapter.modules[module]?.a = Matrix(rows: old.a.rows, columns: old.a.columns, elements: elements)
            case .b(let module):
                guard let old = adapter.modules[module] else { continue }
                adapter.modules[module]?.b = Matrix(rows: old.b.rows, columns: old.b.columns, elements: elements)
            case .saved(let tensor):
                adapter.savedTensors[tensor]?.elements = elements
            }
        }
        return adapter
    }

    private func elements(of piece: Piece, in adapter: LoRAAdapter) -> [Float] {
        let elements: [Float]? =
            switch piece.source {
            case .a(let module): adapter.modules[module]?.a.elements
            case .b(let module): adapter.modules[module]?.withoutCore.b.elements
            case .saved(let tensor): adapter.savedTensors[tensor]?.elements
            }
        guard let elements, elements.count == piece.range.count else {
            preconditionFailure("the adapter is not the one that the layout was made for")
        }
        return elements
    }

    // MARK: - Building

    /// Hands out ranges, and keeps account of which tensors have one.
    private struct Builder {
        let adapter: LoRAAdapter
        /// The path of the model's head.
        let head: String?
        var count = 0
        var pieces: [Piece] = []
        private var modulesLeft: Set<String>
        private var tensorsLeft: Set<String>

        init(adapter: LoRAAdapter, head: String?) {
            self.adapter = adapter
            self.head = head
            self.modulesLeft = Set(adapter.modules.keys)
            self.tensorsLeft = Set(adapter.savedTensors.keys)
        }

        /// Places the adapted ones of the layers that read one input; `nil` when none is.
        mutating func group(_ layers: [AdaptableLayers.Layer]) throws(TrainingError) -> LowRankGroup? {
            var adapted: [(place: AdaptableLayers.Layer, module: LoRAModule)] = []
            for layer in layers {
                guard let module = adapter.modules[layer.path] else { continue }
                modulesLeft.remove(layer.path)
                guard module.inputWidth == layer.inputWidth, module.outputWidth == layer.outputWidth, module.rank > 0
                else {
                    throw .unsuitableAdapter(
                        name: layer.path,
                        problem: "is \(module.outputWidth)×\(module.inputWidth) at rank \(module.rank) where the "
                            + "model's layer is \(layer.outputWidth)×\(layer.inputWidth)",
                        remedy: "Use an adapter that was made for this base model."
                    )
                }
                adapted.append((layer, module))
            }
            guard let inputWidth = adapted.first?.place.inputWidth else { return nil }
            let start = count
            for layer in adapted { _ = place(.a(module: layer.place.path), count: layer.module.a.count) }
            let stack = start..<count
            var members: [LowRankGroup.Member] = []
            var rank = 0
            for layer in adapted {
                members.append(
                    LowRankGroup.Member(
                        role: layer.place.role,
                        rank: layer.module.rank,
                        outputWidth: layer.place.outputWidth,
                        scaling: Float(layer.module.scaling),
                        offset: rank,
                        b: place(.b(module: layer.place.path), count: layer.module.b.count)
                    )
                )
                rank += layer.module.rank
            }
            return LowRankGroup(members: members, inputWidth: inputWidth, a: stack, rank: rank)
        }

        mutating func saved(_ name: String, shape: [Int]) throws(TrainingError) -> Range<Int> {
            guard let tensor = adapter.savedTensors[name] else {
                throw .unsuitableAdapter(
                    name: name,
                    problem: "is missing",
                    remedy: "Put `\(head ?? name)` into the job's `modules_to_save`."
                )
            }
            guard tensor.shape == shape else {
                throw .unsuitableAdapter(
                    name: name,
                    problem: "has the shape \(tensor.shape) where the job's labels need \(shape)",
                    remedy: "Give the job the labels that the adapter was trained for."
                )
            }
            tensorsLeft.remove(name)
            return place(.saved(tensor: name), count: tensor.elements.count)
        }

        func checkNothingIsLeft() throws(TrainingError) {
            if let module = modulesLeft.min() {
                throw .unsuitableAdapter(
                    name: module,
                    problem: "is no linear layer of the model",
                    remedy: "Use an adapter that was made for this base model."
                )
            }
            if let tensor = tensorsLeft.min() {
                throw .unsuitableAdapter(
                    name: tensor,
                    problem: "cannot be trained whole by the native trainer",
                    remedy: (head.map { "Put `\($0)` alone into `modules_to_save`" } ?? "Empty `modules_to_save`")
                        + ", or use the command trainer."
                )
            }
        }

        private mutating func place(_ source: Piece.Source, count: Int) -> Range<Int> {
            let range = self.count..<self.count + count
            self.count += count
            pieces.append(Piece(source: source, range: range))
            return range
        }
    }
}
