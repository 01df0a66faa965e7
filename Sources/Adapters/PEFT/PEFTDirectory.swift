package import Foundation

/// An adapter with its configuration: what a directory that PEFT's `save_pretrained` writes holds.
///
/// Reading and writing give back the same bytes: names, element types and foreign keys are kept. The README that PEFT
/// adds is neither read nor written, because it repeats local paths.
package struct PEFTDirectory: Sendable {
    package static let configurationFileName = "adapter_config.json"
    package static let tensorsFileName = "adapter_model.safetensors"
    private static let pickleFileName = "adapter_model.bin"

    package var configuration: PEFTConfiguration
    package var adapter: LoRAAdapter
    /// The modules that are embeddings: they add (BA)ᵀ to their table, A being r×vocabulary and B width×r.
    package var embeddingModules: Set<String>
    /// How tensors are stored that are not F32, by their name in the file; a bf16 head stays one.
    package var elementTypes: [String: SafetensorsElementType]

    /// Creates a directory's content, all of it to be stored as F32.
    package init(
        configuration: PEFTConfiguration,
        adapter: LoRAAdapter,
        embeddingModules: Set<String> = [],
        elementTypes: [String: SafetensorsElementType] = [:]
    ) {
        self.configuration = configuration
        self.adapter = adapter
        self.embeddingModules = embeddingModules
        self.elementTypes = elementTypes
    }

    // MARK: - Reading

    /// Reads the directory at `url`.
    ///
    /// - Parameters:
    ///   - url: The directory.
    ///   - kinds: What the caller can do something with.
    /// - Throws: ``AdapterError``: the file that is missing or malformed, or the tensor that does not fit the
    ///   configuration. A layer with one factor is refused, although PEFT only warns and leaves the layer unadapted.
    package init(reading url: URL, kinds: Set<AdapterKind> = [.lora]) throws(AdapterError) {
        let (configuration, tensors, source) = try Self.open(url, kinds: kinds)
        self.init(
            configuration: configuration,
            adapter: tensors.adapter.resident(),
            embeddingModules: tensors.embeddingModules,
            elementTypes: tensors.elementTypes
        )
        try checkSavedModules(source: source)
    }

    /// Opens the adapter of the directory at `url`; its elements stay in the file, which is mapped while the result lives.
    ///
    /// - Throws: As ``init(reading:)``, except that `modules_to_save` is not compared with what was saved.
    package static func adapter(
        at url: URL,
        kinds: Set<AdapterKind> = [.lora]
    ) throws(AdapterError) -> StoredAdapter {
        try open(url, kinds: kinds).tensors.adapter
    }

    private static func open(
        _ url: URL,
        kinds: Set<AdapterKind>
    ) throws(AdapterError) -> (configuration: PEFTConfiguration, tensors: AdapterTensors, source: String) {
        try checkFiles(in: url)
        let path = url.appendingPathComponent(Self.configurationFileName).path
        var configuration = try PEFTConfiguration(JSONReader(fileAt: path))
        let file = try SafetensorsFile(path: url.appendingPathComponent(Self.tensorsFileName).path)
        if configuration.kind == .lora, AdapterTensors.holdsLatentMappings(file) { configuration.kind = .loraXS }
        guard kinds.contains(configuration.kind) else {
            let known = kinds.map(\.rawValue).sorted().joined(separator: ", ")
            throw .unsupported(
                feature: "the method \(quoted(configuration.kind.rawValue))",
                path: path,
                advice: "Use an adapter with a `peft_type` of \(known)."
            )
        }
        let resolver = try PEFTConfiguration.Resolver(configuration)
        let tensors = try AdapterTensors(file, isNamed: configuration.kind != .lora) { path in
            AdapterTensors.Layer(
                rank: resolver.rank(of: path),
                alpha: resolver.alpha(of: path),
                usesRankStabilizedScaling: configuration.usesRankStabilizedScaling
            )
        }
        return (configuration, tensors, file.source)
    }

    private static func checkFiles(in url: URL) throws(AdapterError) {
        let exists = { name in FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path) }
        guard exists(configurationFileName) else { throw .missingAdapter(path: url.path) }
        guard exists(tensorsFileName) else {
            throw exists(pickleFileName) ? .pickledAdapter(path: url.path) : .missingAdapter(path: url.path)
        }
    }

    /// Checks that something of `modules_to_save` was saved.
    ///
    /// For a classification PEFT lists every name that heads go by, so not all of them have to be there.
    private func checkSavedModules(source: String) throws(AdapterError) {
        let names = configuration.modulesToSave
        let isSaved = names.contains { name in
            adapter.savedTensors.keys.contains { ".\($0).".contains(".\(name).") }
        }
        guard names.isEmpty || isSaved else { throw .missingSavedModules(Set(names).sorted(), source: source) }
    }

    // MARK: - Writing

    /// Writes the directory at `url`, whole or not at all.
    ///
    /// - Parameters:
    ///   - url: Where the directory is to be. Folders above it are made.
    ///   - replacing: Whether an earlier adapter there is replaced.
    /// - Throws: ``AdapterError/directoryInUse(path:)`` when something else is there, or
    ///   ``AdapterError/cannotWrite(path:reason:)``. Nothing is left behind then.
    package func write(to url: URL, replacing: Bool = false) throws(AdapterError) {
        try AtomicDirectory.create(at: url, replacing: replacing) { (folder) throws(AdapterError) in
            try write(into: folder)
        }
    }

    /// Writes the two files into a folder that exists, and syncs them.
    ///
    /// The configuration is made to say what the adapter's ranks and α are. PEFT knows neither cores nor residuals: a
    /// core becomes part of B, and whoever has a residual writes it as an adapter of its own.
    package func write(into folder: URL) throws(AdapterError) {
        let adapter = LoRAAdapter(modules: adapter.modules.mapValues(\.withoutCore), savedTensors: adapter.savedTensors)
        var configuration = configuration
        try configuration.describe(adapter, path: folder.path)
        let document = AdapterTensors.document(
            of: adapter,
            embeddingModules: embeddingModules,
            elementTypes: elementTypes
        )
        try DurableFile.write(document, to: folder.appendingPathComponent(Self.tensorsFileName))
        try DurableFile.write(configuration.text, to: folder.appendingPathComponent(Self.configurationFileName))
    }
}
