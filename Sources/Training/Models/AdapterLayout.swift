import Adapters
import LinearAlgebra

/// Where every trained number of an adapter lies in one flat array.
///
/// Optimizers, clipping and sums over shards see nothing but flat arrays; the model finds its factors by range. A's of
/// layers that read the same input lie next to each other (``LowRankGroup``).
struct AdapterLayout: Sendable {
    /// The groups of one encoder layer, by the input they read.
    typealias Layer = [BertLayerInput: LowRankGroup]

    /// One entry an encoder layer.
    let layers: [Layer]
    let pooler: LowRankGroup?
    /// The head's weight, labels×hidden.
    let headWeight: Range<Int>
    let headBias: Range<Int>
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
    ///   - adapter: What is to be trained: modules of the encoder and the pooler, and the head.
    ///   - model: The model that it adapts.
    ///   - labelCount: How many rows the head must have.
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when a tensor has no place in the model, has
    ///   another shape than its place, or the head is missing.
    init(adapter: LoRAAdapter, model: BERTConfiguration, labelCount: Int) throws(TrainingError) {
        var builder = Builder(adapter: adapter)
        var layers: [Layer] = []
        for index in 0..<model.layerCount {
            var layer: Layer = [:]
            for input in BertLayerInput.allCases {
                let isWide = input == .output
                layer[input] = try builder.group(
                    input.readers.map { (role: $0, path: BertModel.path(layer: index, role: $0)) },
                    inputWidth: isWide ? model.intermediateSize : model.hiddenSize,
                    outputWidth: input == .intermediate ? model.intermediateSize : model.hiddenSize
                )
            }
            layers.append(layer)
        }
        self.layers = layers
        self.pooler = try builder.group(
            [(role: .output, path: BertModel.poolerPath)],
            inputWidth: model.hiddenSize,
            outputWidth: model.hiddenSize
        )
        self.headWeight = try builder.saved(BertModel.headWeightName, shape: [labelCount, model.hiddenSize])
        self.headBias = try builder.saved(BertModel.headBiasName, shape: [labelCount])
        try builder.checkNothingIsLeft()
        self.pieces = builder.pieces
        self.count = builder.count
        self.template = adapter
    }

    /// The lowest place of the encoder that is adapted: below it no gradient is needed.
    var lowestAdapted: (layer: Int, input: BertLayerInput)? {
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
        var count = 0
        var pieces: [Piece] = []
        private var modulesLeft: Set<String>
        private var tensorsLeft: Set<String>

        init(adapter: LoRAAdapter) {
            self.adapter = adapter
            self.modulesLeft = Set(adapter.modules.keys)
            self.tensorsLeft = Set(adapter.savedTensors.keys)
        }

        /// Places the adapted ones of the layers that read one input; `nil` when none is.
        mutating func group(
            _ layers: [(role: BertLayerRole, path: String)],
            inputWidth: Int,
            outputWidth: Int
        ) throws(TrainingError) -> LowRankGroup? {
            var adapted: [(role: BertLayerRole, path: String, module: LoRAModule)] = []
            for layer in layers {
                guard let module = adapter.modules[layer.path] else { continue }
                modulesLeft.remove(layer.path)
                guard module.inputWidth == inputWidth, module.outputWidth == outputWidth, module.rank > 0 else {
                    throw .unsuitableAdapter(
                        name: layer.path,
                        problem: "is \(module.outputWidth)×\(module.inputWidth) at rank \(module.rank) where the "
                            + "model's layer is \(outputWidth)×\(inputWidth)",
                        remedy: "Use an adapter that was made for this base model."
                    )
                }
                adapted.append((layer.role, layer.path, module))
            }
            guard !adapted.isEmpty else { return nil }
            let start = count
            for layer in adapted { _ = place(.a(module: layer.path), count: layer.module.a.count) }
            let stack = start..<count
            var members: [LowRankGroup.Member] = []
            var rank = 0
            for layer in adapted {
                members.append(
                    LowRankGroup.Member(
                        role: layer.role,
                        rank: layer.module.rank,
                        outputWidth: outputWidth,
                        scaling: Float(layer.module.scaling),
                        offset: rank,
                        b: place(.b(module: layer.path), count: layer.module.b.count)
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
                    remedy: "Put `classifier` into the job's `modules_to_save`."
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
                    remedy: "Put `classifier` alone into `modules_to_save`, or use the command trainer."
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
