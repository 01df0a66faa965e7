package import Foundation
private import LinearAlgebra

/// A base model with an adapter folded into its weights: W ← W + s·BA, and the saved heads in their places.
///
/// The result is a directory that `transformers` loads without PEFT. Weights are read and written a tensor at a time;
/// those that the adapter does not touch are copied byte for byte, the others keep their element types and are rounded
/// once. Sharded models stay sharded.
package struct BaseModelMerge {
    private let model: URL
    private let adapter: LoRAAdapter
    /// The layers whose weights are stored as in×out.
    private let transposedModules: Set<String>
    private let elementTypes: [String: SafetensorsElementType]
    private let weights: BaseModelWeights
    private let names: BaseModelNames
    /// The names of the classes, where the adapter brings a classification head.
    private let head: ClassificationLabels?

    /// How many tensors of the base model are changed, and how many are new to it.
    package let changedTensorCount: Int
    package let addedTensorCount: Int

    /// Checks that an adapter fits a base model.
    ///
    /// - Parameters:
    ///   - directory: The adapter.
    ///   - model: The base model's directory.
    ///   - labels: The names of the classes in the order of the head's rows; `nil` for those of the model, where there
    ///     are as many, and else `LABEL_0` and so on.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit, or what cannot be folded in.
    package init(_ directory: PEFTDirectory, into model: URL, labels: [String]? = nil) throws(AdapterError) {
        try Self.check(directory.configuration, path: model.path)
        self.model = model
        self.adapter = LoRAAdapter(
            modules: directory.adapter.modules.mapValues(\.withoutCore),
            savedTensors: Dictionary(
                directory.adapter.savedTensors.map { ($0.key.replacing(".base_layer.", with: "."), $0.value) },
                uniquingKeysWith: { first, _ in first }
            )
        )
        self.transposedModules =
            directory.configuration.adaptsTransposedWeights
            ? Set(adapter.modules.keys) : directory.embeddingModules
        self.elementTypes = directory.elementTypes
        self.weights = try BaseModelWeights(in: model)
        self.names = BaseModelNames(weights, adapting: adapter.modules.keys)
        self.head = try ClassificationLabels(of: adapter, labels: labels)
        for (path, module) in adapter.modules.sorted(by: { $0.key < $1.key }) {
            let shape =
                transposedModules.contains(path)
                ? [module.inputWidth, module.outputWidth] : [module.outputWidth, module.inputWidth]
            try Self.check("\(path).weight", shape: shape, names: names, weights: weights)
        }
        let (names, weights) = (names, weights)
        let kept = adapter.savedTensors.filter { name, tensor in
            names.storedName(of: name).flatMap { weights.tensor($0) }?.tensor.shape == tensor.shape
        }
        self.changedTensorCount = adapter.modules.count + kept.count
        self.addedTensorCount = adapter.savedTensors.count - kept.count
    }

    /// Keys of a configuration with which a layer computes something else than (W + s·BA)x, or stands in another place.
    private static let unfoldableKeys = [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "monteclora_config",
        "target_parameters", "trainable_token_indices", "use_bdlora", "use_qalora",
    ]

    private static func check(_ configuration: PEFTConfiguration, path: String) throws(AdapterError) {
        func refuse(_ feature: String, _ advice: String) -> AdapterError {
            .unsupported(feature: feature, path: path, advice: advice)
        }
        if configuration.usesMagnitudes {
            throw refuse("folding in DoRA's magnitudes", "Merge with `merge_and_unload` of peft.")
        }
        if configuration.usesFactorBias {
            throw refuse("folding in the biases of `lora_bias`", "Merge with `merge_and_unload` of peft.")
        }
        for key in unfoldableKeys where !(configuration.members[key]?.isUnset ?? true) {
            throw refuse("folding in an adapter with `\(key)`", "Merge with `merge_and_unload` of peft, if that can.")
        }
        if configuration.changesBaseModel, let name = configuration.initialization {
            throw refuse(
                "an adapter whose `init_lora_weights` is '\(name)' (it changes the base model)",
                "Save it with `path_initial_model_for_weight_conversion` as a plain LoRA adapter."
            )
        }
    }

    private static func check(
        _ parameter: String,
        shape: [Int],
        names: BaseModelNames,
        weights: BaseModelWeights
    ) throws(AdapterError) {
        guard let name = names.storedName(of: parameter), let (tensor, _) = weights.tensor(name) else {
            throw .unexpectedTensors(missing: [parameter], unknown: [], source: weights.folder.path)
        }
        guard tensor.shape == shape else {
            throw .shapeMismatch(tensor: name, expected: shape, found: tensor.shape, source: weights.folder.path)
        }
        guard tensor.elementType.isReadableAsFloat else {
            throw .unsupportedElementType(tensor: name, type: tensor.elementType, source: weights.folder.path)
        }
    }

    // MARK: - Writing

    /// Writes the merged model as a new directory, whole or not at all.
    ///
    /// - Throws: ``AdapterError``. Nothing is left behind then.
    package func write(to url: URL) throws(AdapterError) {
        try AtomicDirectory.checkVacancy(of: url)
        let rewrites = try rewrites()
        try AtomicDirectory.create(at: url) { (folder) throws(AdapterError) in
            for (shard, rewrite) in zip(weights.shards, rewrites) {
                try rewrite.write(to: folder.appendingPathComponent(shard.fileName))
            }
            if let index = weights.index {
                try DurableFile.write(
                    Self.index(like: index, of: weights.shards, rewrites: rewrites),
                    to: folder.appendingPathComponent(BaseModelWeights.indexFileName)
                )
            }
            try copyOtherFiles(to: folder)
        }
    }

    /// What is to be written in the place of each shard.
    private func rewrites() throws(AdapterError) -> [SafetensorsRewrite] {
        var rewrites: [SafetensorsRewrite] = []
        for shard in weights.shards {
            rewrites.append(try SafetensorsRewrite(of: model.appendingPathComponent(shard.fileName)))
        }
        for (path, module) in adapter.modules {
            guard let name = names.storedName(of: "\(path).weight"), let (_, shard) = weights.tensor(name) else {
                continue
            }
            let isTransposed = transposedModules.contains(path)
            try rewrites[shard].replace(name) { (elements) throws(AdapterError) in
                Self.sum(elements, module, isTransposed: isTransposed)
            }
        }
        var added: [SafetensorsDocument.Tensor] = []
        for (parameter, tensor) in adapter.savedTensors.sorted(by: { $0.key < $1.key }) {
            let stored = names.storedName(of: parameter).flatMap { name in
                weights.tensor(name).map { (name: name, shape: $0.tensor.shape, shard: $0.shard) }
            }
            if let stored, stored.shape == tensor.shape {
                try rewrites[stored.shard].replace(stored.name) { (_) throws(AdapterError) in tensor.elements }
                continue
            }
            // A head with another number of classes takes the place of the model's own.
            if let stored { rewrites[stored.shard].remove(stored.name) }
            added.append(
                SafetensorsDocument.Tensor(
                    name: parameter,
                    shape: tensor.shape,
                    elements: tensor.elements,
                    elementType: elementTypes["\(PEFTTensorName.prefix)\(parameter)"] ?? .f32
                )
            )
        }
        guard !added.isEmpty else { return rewrites }
        // Beside a head the rest needs its whole name, or the head's would be taken for a part of the inner module.
        for shard in rewrites.indices where !names.missingPrefix.isEmpty {
            rewrites[shard].prependToNames(names.missingPrefix)
        }
        for tensor in added { rewrites[rewrites.count - 1].add(tensor) }
        return rewrites
    }

    /// W + s·BA; where W is stored the other way round, as the table of an embedding is, W + s·(BA)ᵀ.
    private static func sum(_ elements: [Float], _ module: LoRAModule, isTransposed: Bool) -> [Float] {
        let product =
            isTransposed ? module.a.transposedTimes(module.b.transposed()) : module.b * module.a
        var weight = Matrix(rows: product.rows, columns: product.columns, elements: elements)
        weight.add(product, scaledBy: Float(module.scaling))
        return weight.elements
    }

    private static func index(
        like index: JSONObject,
        of shards: [BaseModelWeights.Shard],
        rewrites: [SafetensorsRewrite]
    ) -> String {
        var index = index
        var map = JSONObject()
        for (shard, rewrite) in zip(shards, rewrites) {
            for name in rewrite.names { map[name] = .string(shard.fileName) }
        }
        index["weight_map"] = .object(map)
        var metadata = index["metadata"]?.object ?? JSONObject()
        metadata["total_size"] = .number(rewrites.reduce(0) { $0 + $1.dataByteCount })
        index["metadata"] = .object(metadata)
        return JSONValue.object(index).pythonText
    }

    // MARK: - What is not weights

    /// Files that hold weights, which would be those of the base model.
    private static let weightExtensions: Set<String> = [
        "safetensors", "bin", "pt", "pth", "ckpt", "h5", "msgpack", "onnx", "gguf", "ot",
    ]

    /// Copies configuration, tokenizer and the like; a new head becomes part of the configuration.
    private func copyOtherFiles(to folder: URL) throws(AdapterError) {
        let fileNames: [String]
        do {
            fileNames = try FileManager.default.contentsOfDirectory(atPath: model.path).sorted()
        } catch {
            throw .unreadableFile(path: model.path, reason: error.localizedDescription)
        }
        for fileName in fileNames {
            let source = model.appendingPathComponent(fileName)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder), !isFolder.boolValue,
                !fileName.hasPrefix("."), !fileName.hasSuffix(".index.json"),
                !Self.weightExtensions.contains(source.pathExtension.lowercased())
            else { continue }
            let target = folder.appendingPathComponent(fileName)
            if fileName == BaseModelDirectory.configurationFileName, let head {
                let reader = try JSONReader(fileAt: source.path)
                try DurableFile.write(JSONValue.object(head.described(in: reader.object)).pythonText, to: target)
                continue
            }
            let content: Data
            do {
                content = try Data(contentsOf: source)
            } catch {
                throw .unreadableFile(path: source.path, reason: error.localizedDescription)
            }
            try DurableFile.write(to: target) { try $0.write(contentsOf: content) }
        }
    }
}
