package import Foundation

/// A base model as Hugging Face distributes it: `config.json`, `model.safetensors` and its tokenizer's files.
///
/// Opening maps the weights and checks that every linear layer has the shape that the configuration gives it. Names
/// are those of the task model, in which the blocks are a module called `bert` or `model`; files of that module alone
/// leave its name out (`encoder.layer.0…`), files of a task model have it, and both are read.
package struct BaseModelDirectory: Sendable {
    package static let configurationFileName = "config.json"
    package static let weightsFileName = "model.safetensors"

    package let url: URL
    package let configuration: BaseModelConfiguration
    /// The weights, mapped.
    package let weights: SafetensorsFile
    /// The layers that can be adapted, in the order of the forward pass.
    package let linearLayers: [LinearLayer]
    /// What the file's names have before those of the blocks: `bert.`, `model.` or nothing.
    private let storedPrefix: String

    /// Opens the directory at `url`.
    ///
    /// - Throws: ``AdapterError``: the file, key or tensor that is missing or does not fit.
    package init(reading url: URL) throws(AdapterError) {
        let path = url.appendingPathComponent(Self.configurationFileName).path
        let reader = try JSONReader(fileAt: path)
        self.configuration = try BaseModelConfiguration(reader)
        self.url = url
        let weights = try Self.openWeights(in: url)
        self.weights = weights
        let prefix = configuration.modulePrefix
        self.storedPrefix = weights.tensors.contains { $0.name.hasPrefix(prefix) } ? prefix : ""
        self.linearLayers = try Self.checkedLayers(of: configuration, in: weights, prefix: storedPrefix)
    }

    private static func openWeights(in url: URL) throws(AdapterError) -> SafetensorsFile {
        let exists = { name in FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path) }
        if !exists(weightsFileName) {
            for other in ["pytorch_model.bin", "model.safetensors.index.json"] where exists(other) {
                throw .unsupported(
                    feature: "weights in \(other)",
                    path: url.path,
                    advice: "Save the model again as one model.safetensors."
                )
            }
        }
        return try SafetensorsFile(path: url.appendingPathComponent(weightsFileName).path)
    }

    /// Checks the weights of the linear layers; a pooler that is not there is left out.
    private static func checkedLayers(
        of configuration: BaseModelConfiguration,
        in weights: SafetensorsFile,
        prefix: String
    ) throws(AdapterError) -> [LinearLayer] {
        var layers: [LinearLayer] = []
        for layer in configuration.linearLayers {
            let name = "\(prefix)\(layer.path).weight"
            guard let tensor = weights.header[name] else {
                if configuration.mayLack(layer) { continue }
                throw .unexpectedTensors(missing: [name], unknown: [], source: weights.source)
            }
            try check(tensor, shape: [layer.outputWidth, layer.inputWidth], source: weights.source)
            layers.append(
                LinearLayer(
                    path: configuration.modulePrefix + layer.path,
                    outputWidth: layer.outputWidth,
                    inputWidth: layer.inputWidth
                )
            )
        }
        return layers
    }

    private static func check(
        _ tensor: SafetensorsHeader.Tensor,
        shape: [Int],
        source: String
    ) throws(AdapterError) {
        guard tensor.shape == shape else {
            throw .shapeMismatch(tensor: tensor.name, expected: shape, found: tensor.shape, source: source)
        }
        guard tensor.elementType.isReadableAsFloat else {
            throw .unsupportedElementType(tensor: tensor.name, type: tensor.elementType, source: source)
        }
    }

    // MARK: - Parameters

    /// Returns the entry of a parameter of the task model, such as `bert.embeddings.LayerNorm.weight`.
    ///
    /// - Throws: ``AdapterError`` when it is missing, has another shape, or is not stored as floats.
    package func parameter(_ path: String, shape: [Int]) throws(AdapterError) -> SafetensorsHeader.Tensor {
        let prefix = configuration.modulePrefix
        let name = path.hasPrefix(prefix) ? storedPrefix + path.dropFirst(prefix.count) : path
        guard let tensor = weights.header[name] else {
            throw .unexpectedTensors(missing: [path], unknown: [], source: weights.source)
        }
        try Self.check(tensor, shape: shape, source: weights.source)
        return tensor
    }

    // MARK: - Adapters

    /// Returns the layers that `targets` name.
    ///
    /// - Throws: ``AdapterError/unmatchedTargets(_:model:known:)`` when one of them names no layer, and
    ///   ``AdapterError/invalidValue(key:path:needed:)`` when there are none.
    package func layers(targetedBy targets: TargetModules) throws(AdapterError) -> [LinearLayer] {
        let (targeted, unmatched) = try targets.select(from: linearLayers.map(\.path))
        if targets == .names([]) {
            throw .invalidValue(key: "target_modules", path: url.path, needed: "at least one name")
        }
        guard unmatched.isEmpty else {
            let known = Set(linearLayers.compactMap { $0.path.split(separator: ".").last.map(String.init) })
            throw .unmatchedTargets(unmatched, model: url.path, known: known.sorted())
        }
        let paths = Set(targeted)
        return linearLayers.filter { paths.contains($0.path) }
    }
}
