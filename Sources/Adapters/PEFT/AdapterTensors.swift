private import LinearAlgebra

/// An adapter as the tensors of one file, before or after a configuration gives them their scale.
struct AdapterTensors {
    /// How one layer is to be read.
    struct Layer {
        let rank: Int
        let alpha: Double
        let usesRankStabilizedScaling: Bool
    }

    var adapter: LoRAAdapter
    /// The modules whose factors adapt an embedding, by path.
    var embeddingModules: Set<String> = []
    /// The types of tensors that are not stored as F32, by name.
    var elementTypes: [String: SafetensorsElementType] = [:]
}

// MARK: - Reading

extension AdapterTensors {
    /// Pairs the factors of a file and copies their elements, once.
    ///
    /// - Parameters:
    ///   - file: The tensors.
    ///   - layer: What the configuration says of the layer at a path.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit.
    init(_ file: SafetensorsFile, layer: (String) -> Layer) throws(AdapterError) {
        var factors: [PEFTTensorName: SafetensorsHeader.Tensor] = [:]
        var saved: [String: DenseTensor] = [:]
        var elementTypes: [String: SafetensorsElementType] = [:]
        for tensor in file.tensors {
            let name = try Self.name(of: tensor, in: file)
            if tensor.elementType != .f32 { elementTypes[name.text] = tensor.elementType }
            if case .saved(let parameter) = name {
                let value = DenseTensor(shape: tensor.shape, elements: try file.floats(of: tensor))
                guard saved.updateValue(value, forKey: parameter) == nil else {
                    throw .repeatedTensor(tensor: name.text, source: file.source)
                }
            } else if factors.updateValue(tensor, forKey: name) != nil {
                throw .repeatedTensor(tensor: name.text, source: file.source)
            }
        }

        var modules: [String: LoRAModule] = [:]
        var embeddingModules: Set<String> = []
        // Once more in the order of the file, so that of several flaws the same one is named every time.
        for tensor in file.tensors {
            let name = try Self.name(of: tensor, in: file)
            guard let partner = name.otherFactor, let path = name.module else { continue }
            guard let other = factors[partner] else {
                throw .missingFactor(tensor: partner.text, source: file.source)
            }
            guard name.isA else { continue }
            if case .embeddingA = name { embeddingModules.insert(path) }
            let module = try Self.module(at: path, a: tensor, b: other, as: layer(path), of: file)
            guard modules.updateValue(module, forKey: path) == nil else {
                throw .repeatedTensor(tensor: name.text, source: file.source)
            }
        }
        guard !modules.isEmpty else { throw .noTensors(source: file.source) }
        self.adapter = LoRAAdapter(modules: modules, savedTensors: saved)
        self.embeddingModules = embeddingModules
        self.elementTypes = elementTypes
    }

    private static func name(
        of tensor: SafetensorsHeader.Tensor,
        in file: SafetensorsFile
    ) throws(AdapterError) -> PEFTTensorName {
        guard let name = PEFTTensorName(tensor.name) else {
            throw .unexpectedTensorName(tensor: tensor.name, source: file.source)
        }
        return name
    }

    /// Reads both factors of a layer; their shapes are checked before an element is copied.
    private static func module(
        at path: String,
        a: SafetensorsHeader.Tensor,
        b: SafetensorsHeader.Tensor,
        as layer: Layer,
        of file: SafetensorsFile
    ) throws(AdapterError) -> LoRAModule {
        for tensor in [a, b] where tensor.shape.count != 2 || tensor.elementCount == 0 {
            throw .invalidFactorShape(
                tensor: tensor.name,
                shape: tensor.shape,
                needed: "a factor is a matrix",
                source: file.source
            )
        }
        for found in [a.shape[0], b.shape[1]] where found != layer.rank {
            throw .rankMismatch(module: path, expected: layer.rank, found: found, source: file.source)
        }
        guard layer.alpha.isFinite, layer.alpha > 0 else {
            throw .invalidScaling(module: path, alpha: layer.alpha)
        }
        return LoRAModule(
            a: Matrix(rows: a.shape[0], columns: a.shape[1], elements: try file.floats(of: a)),
            b: Matrix(rows: b.shape[0], columns: b.shape[1], elements: try file.floats(of: b)),
            alpha: layer.alpha,
            usesRankStabilizedScaling: layer.usesRankStabilizedScaling
        )
    }
}

// MARK: - Writing

extension AdapterTensors {
    /// The tensors under PEFT's names, in the types that they are to be stored as.
    var document: SafetensorsDocument {
        var tensors: [SafetensorsDocument.Tensor] = []
        func append(_ name: PEFTTensorName, shape: [Int], elements: [Float]) {
            let type = elementTypes[name.text].flatMap { $0.isReadableAsFloat ? $0 : nil }
            tensors.append(.init(name: name.text, shape: shape, elements: elements, elementType: type ?? .f32))
        }
        for (path, module) in adapter.modules {
            let isEmbedding = embeddingModules.contains(path)
            let a: PEFTTensorName = isEmbedding ? .embeddingA(module: path) : .lowRankA(module: path)
            let b: PEFTTensorName = isEmbedding ? .embeddingB(module: path) : .lowRankB(module: path)
            append(a, shape: [module.a.rows, module.a.columns], elements: module.a.elements)
            append(b, shape: [module.b.rows, module.b.columns], elements: module.b.elements)
        }
        for (parameter, tensor) in adapter.savedTensors {
            append(.saved(parameter: parameter), shape: tensor.shape, elements: tensor.elements)
        }
        return SafetensorsDocument(tensors)
    }
}
