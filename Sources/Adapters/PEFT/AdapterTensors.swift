import LinearAlgebra

/// An adapter as the tensors of one file, before or after a configuration gives them their scale.
struct AdapterTensors {
    /// How one layer is to be read.
    struct Layer {
        let rank: Int
        let alpha: Double
        let usesRankStabilizedScaling: Bool
    }

    /// What a payload may carry, and where the rest comes from.
    struct Completion {
        let scope: UpdateScope
        /// What the sender started from, of the same rank.
        let handed: LoRAAdapter
    }

    var adapter: StoredAdapter
    /// The modules whose factors adapt an embedding, by path.
    var embeddingModules: Set<String> = []
    /// The types of tensors that are not stored as F32, by name.
    var elementTypes: [String: SafetensorsElementType] = [:]
}

// MARK: - Reading

extension AdapterTensors {
    /// Whether the tensors of a file are those of another kind of adapter than LoRA: none is a factor, or there is a
    /// matrix between the factors that is not ours.
    static func areNamed(_ file: SafetensorsFile) -> Bool {
        holdsLatentMappings(file) || !file.tensors.contains { PEFTTensorName($0.name)?.module != nil }
    }

    /// Whether a file that says LORA is one of LoRA-XS.
    static func holdsLatentMappings(_ file: SafetensorsFile) -> Bool {
        file.tensors.contains { $0.name.holds(AdapterKind.latentMapping) }
    }

    /// Pairs the factors of a file; their elements stay where they are while the file holds aligned 32-bit floats.
    ///
    /// - Parameters:
    ///   - file: The tensors.
    ///   - isPayload: Whether cores and residuals may be there, which PEFT does not know.
    ///   - isNamed: Whether this is an adapter of another kind than LoRA, whose tensors are all saved whole.
    ///   - completion: For a payload that carries the trained factors alone.
    ///   - layer: What the configuration says of the layer at a path.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit.
    init(
        _ file: SafetensorsFile,
        isPayload: Bool = false,
        isNamed: Bool = false,
        completion: Completion? = nil,
        layer: (String) -> Layer
    ) throws(AdapterError) {
        var parts: [PEFTTensorName: SafetensorsHeader.Tensor] = [:]
        var saved: [String: StoredAdapter.Tensor] = [:]
        var controls: [String: StoredAdapter.Tensor] = [:]
        // Layers in the order of the file, so that of several flaws the same one is named every time.
        var paths: [String] = []
        var residualPaths: [String] = []
        var seen: Set<String> = []
        for tensor in file.tensors {
            guard let name = isNamed ? PEFTTensorName.whole(tensor.name) : PEFTTensorName(tensor.name),
                isPayload || !name.isForPayloadsOnly
            else {
                throw .unexpectedTensorName(tensor: tensor.name, source: file.source)
            }
            if tensor.elementType != .f32 { elementTypes[name.text] = tensor.elementType }
            guard parts.updateValue(tensor, forKey: name) == nil else {
                throw .repeatedTensor(tensor: name.text, source: file.source)
            }
            switch name {
            case .saved(let parameter):
                guard completion?.scope.sendsSavedTensors ?? true else {
                    throw .unexpectedTensorName(tensor: tensor.name, source: file.source)
                }
                let elements = try file.stored(tensor, rows: 1, columns: tensor.elementCount)
                saved[parameter] = StoredAdapter.Tensor(shape: tensor.shape, elements: elements)
            case .control(let controlled):
                guard completion?.scope.sendsControls ?? true else {
                    throw .unexpectedTensorName(tensor: tensor.name, source: file.source)
                }
                let elements = try file.stored(tensor, rows: 1, columns: tensor.elementCount)
                controls[controlled] = StoredAdapter.Tensor(shape: tensor.shape, elements: elements)
            case .residualA(let path), .residualB(let path):
                if !residualPaths.contains(path) { residualPaths.append(path) }
            default:
                if let path = name.module, seen.insert(path).inserted { paths.append(path) }
            }
        }

        var modules: [String: StoredAdapter.Module] = [:]
        for path in paths {
            let isEmbedding = parts[.embeddingA(module: path)] != nil || parts[.embeddingB(module: path)] != nil
            if isEmbedding {
                for name in [PEFTTensorName.lowRankA(module: path), .lowRankB(module: path)] where parts[name] != nil {
                    throw .repeatedTensor(tensor: name.text, source: file.source)
                }
                embeddingModules.insert(path)
            }
            let names = (
                a: isEmbedding ? PEFTTensorName.embeddingA(module: path) : .lowRankA(module: path),
                b: isEmbedding ? PEFTTensorName.embeddingB(module: path) : .lowRankB(module: path)
            )
            modules[path] = try Self.module(
                at: path,
                names: names,
                parts: parts,
                completion: completion,
                layer: layer(path),
                file: file
            )
        }
        guard isNamed ? !saved.isEmpty : !modules.isEmpty else { throw .noTensors(source: file.source) }
        if let completion, !completion.scope.sendsSavedTensors {
            saved = StoredAdapter(completion.handed).savedTensors
        }
        self.adapter = StoredAdapter(modules: modules, savedTensors: saved, controls: controls)
        for path in residualPaths {
            adapter.residual[path] = try Self.residual(at: path, parts: parts, file: file)
        }
    }

    /// Reads the factors of a layer; their shapes are checked before an element is touched.
    private static func module(
        at path: String,
        names: (a: PEFTTensorName, b: PEFTTensorName),
        parts: [PEFTTensorName: SafetensorsHeader.Tensor],
        completion: Completion?,
        layer: Layer,
        file: SafetensorsFile
    ) throws(AdapterError) -> StoredAdapter.Module {
        guard layer.alpha.isFinite, layer.alpha > 0 else {
            throw .invalidScaling(module: path, alpha: layer.alpha)
        }
        let handed = completion?.handed.modules[path]
        let sent = completion?.scope.sent
        let core = PEFTTensorName.core(module: path)
        for (name, isSent) in [
            (names.a, sent?.includesA ?? true), (names.b, sent?.includesB ?? true),
            (core, sent?.includesCore ?? true),
        ] where !isSent && parts[name] != nil {
            throw .unexpectedTensorName(tensor: name.text, source: file.source)
        }
        // A frozen factor is not sent: it comes from what was handed out.
        func matrix(_ name: PEFTTensorName, frozen: Matrix?) throws(AdapterError) -> StoredMatrix {
            if let tensor = parts[name] { return try self.matrix(tensor, file: file) }
            guard let frozen else { throw .missingFactor(tensor: name.text, source: file.source) }
            return StoredMatrix(frozen)
        }
        let a = try matrix(names.a, frozen: sent?.includesA == false ? handed?.a : nil)
        let b = try matrix(names.b, frozen: sent?.includesB == false ? handed?.b : nil)
        for found in [a.rows, b.columns] where found != layer.rank {
            throw .rankMismatch(module: path, expected: layer.rank, found: found, source: file.source)
        }
        var r: StoredMatrix?
        if parts[core] != nil || sent == .core { r = try matrix(core, frozen: nil) }
        if let r, (r.rows, r.columns) != (layer.rank, layer.rank) {
            throw .invalidFactorShape(
                tensor: core.text,
                shape: [r.rows, r.columns],
                needed: "the core is \(layer.rank)×\(layer.rank)",
                source: file.source
            )
        }
        return StoredAdapter.Module(
            a: a,
            b: b,
            core: r,
            alpha: layer.alpha,
            usesRankStabilizedScaling: layer.usesRankStabilizedScaling
        )
    }

    /// Reads what is folded into a layer of the base model; its scale is 1.
    private static func residual(
        at path: String,
        parts: [PEFTTensorName: SafetensorsHeader.Tensor],
        file: SafetensorsFile
    ) throws(AdapterError) -> StoredAdapter.Module {
        let names = (PEFTTensorName.residualA(module: path), PEFTTensorName.residualB(module: path))
        guard let tensorOfA = parts[names.0] else { throw .missingFactor(tensor: names.0.text, source: file.source) }
        guard let tensorOfB = parts[names.1] else { throw .missingFactor(tensor: names.1.text, source: file.source) }
        let (a, b) = (try matrix(tensorOfA, file: file), try matrix(tensorOfB, file: file))
        guard a.rows == b.columns else {
            throw .rankMismatch(module: path, expected: a.rows, found: b.columns, source: file.source)
        }
        return StoredAdapter.Module(a: a, b: b, alpha: Double(a.rows))
    }

    private static func matrix(
        _ tensor: SafetensorsHeader.Tensor,
        file: SafetensorsFile
    ) throws(AdapterError) -> StoredMatrix {
        guard tensor.shape.count == 2, tensor.elementCount > 0 else {
            throw .invalidFactorShape(
                tensor: tensor.name,
                shape: tensor.shape,
                needed: "a factor is a matrix",
                source: file.source
            )
        }
        return try file.stored(tensor, rows: tensor.shape[0], columns: tensor.shape[1])
    }
}

// MARK: - Writing

extension AdapterTensors {
    /// The tensors of an adapter under their names.
    ///
    /// - Parameters:
    ///   - adapter: What to write.
    ///   - embeddingModules: Which of its layers are embeddings.
    ///   - elementTypes: How tensors are to be stored that are not F32.
    ///   - scope: What a client sends; `nil` for everything, the residual included.
    ///   - notes: What the file says beside its format.
    /// - Returns: The file.
    static func document(
        of adapter: LoRAAdapter,
        embeddingModules: Set<String> = [],
        elementTypes: [String: SafetensorsElementType] = [:],
        scope: UpdateScope? = nil,
        notes: [String: String] = [:]
    ) -> SafetensorsDocument {
        let sent = scope?.sent
        var tensors: [SafetensorsDocument.Tensor] = []
        func append(_ name: PEFTTensorName, shape: [Int], elements: [Float]) {
            let type = elementTypes[name.text].flatMap { $0.isReadableAsFloat ? $0 : nil }
            tensors.append(.init(name: name.text, shape: shape, elements: elements, elementType: type ?? .f32))
        }
        func append(_ name: PEFTTensorName, _ matrix: Matrix) {
            append(name, shape: [matrix.rows, matrix.columns], elements: matrix.elements)
        }
        for (path, module) in adapter.modules {
            let isEmbedding = embeddingModules.contains(path)
            if sent?.includesA ?? true {
                append(isEmbedding ? .embeddingA(module: path) : .lowRankA(module: path), module.a)
            }
            if sent?.includesB ?? true {
                append(isEmbedding ? .embeddingB(module: path) : .lowRankB(module: path), module.b)
            }
            if sent?.includesCore ?? true, let core = module.core { append(.core(module: path), core) }
        }
        for (parameter, tensor) in adapter.savedTensors where scope?.sendsSavedTensors ?? true {
            append(.saved(parameter: parameter), shape: tensor.shape, elements: tensor.elements)
        }
        for (tensor, control) in adapter.controls where scope?.sendsControls ?? true {
            append(.control(tensor: tensor), shape: control.shape, elements: control.elements)
        }
        if scope == nil {
            for (path, module) in adapter.residual {
                append(.residualA(module: path), module.a)
                // Its reader takes the scale for 1.
                append(.residualB(module: path), module.scaling == 1 ? module.b : Float(module.scaling) * module.b)
            }
        }
        return SafetensorsDocument(tensors, metadata: ["format": "pt"].merging(notes) { format, _ in format })
    }
}
