/// An adapter as it travels: the bytes of a safetensors file with PEFT's names, every tensor F32.
///
/// The bytes depend on the adapter alone, so equal adapters have equal digests. They do not say how their product is
/// scaled: rank, α and rsLoRA travel beside them. What the server hands out is whole; what clients send back is the
/// factors that they trained, and the saved tensors.
package enum AdapterPayload {
    /// How the layers of a payload are scaled, which its tensors do not say.
    package struct Scale: Sendable, Hashable {
        /// The rank that every layer has to have.
        package let rank: Int
        /// α of every layer.
        package let alpha: Double
        /// Whether layers scale by α/√r.
        package let usesRankStabilizedScaling: Bool

        package init(rank: Int, alpha: Double, usesRankStabilizedScaling: Bool = false) {
            self.rank = rank
            self.alpha = alpha
            self.usesRankStabilizedScaling = usesRankStabilizedScaling
        }
    }

    /// Returns the payload of `adapter`.
    ///
    /// - Parameters:
    ///   - adapter: What to send.
    ///   - scope: What a client sends; `nil` for the whole adapter, which the server hands out.
    /// - Returns: The bytes of the file.
    package static func bytes(of adapter: LoRAAdapter, scope: UpdateScope? = nil) -> [UInt8] {
        document(of: adapter, scope: scope).bytes()
    }

    /// Returns the payload of `adapter` for writing it piece by piece.
    ///
    /// - Parameters:
    ///   - adapter: What to write.
    ///   - scope: What a client sends; `nil` for the whole adapter.
    ///   - notes: What else the file is to say, for whoever keeps one; payloads that travel say nothing else.
    /// - Returns: The file.
    package static func document(
        of adapter: LoRAAdapter,
        scope: UpdateScope? = nil,
        notes: [String: String] = [:]
    ) -> SafetensorsDocument {
        AdapterTensors.document(of: adapter, scope: scope, notes: notes)
    }

    /// Reads a whole adapter.
    ///
    /// - Parameters:
    ///   - file: The payload, opened with ``SafetensorsLimits/payload``.
    ///   - scale: How its layers are scaled.
    /// - Returns: The adapter; its elements stay in the file while that is mapped.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit. Values are not judged here;
    ///   ``AdapterRequirements/check(_:source:)`` does that.
    package static func adapter(from file: SafetensorsFile, scale: Scale) throws(AdapterError) -> StoredAdapter {
        try read(file, scale: scale, completion: nil)
    }

    /// Reads what a client sent: the factors that it trained, and the saved tensors.
    ///
    /// - Parameters:
    ///   - file: The payload, opened with ``SafetensorsLimits/payload``.
    ///   - scale: How its layers are scaled.
    ///   - scope: What it has to carry; it must not carry anything else.
    ///   - handed: What the client started from, of the same rank: what was not sent is taken from it.
    /// - Returns: The whole adapter.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit.
    package static func update(
        from file: SafetensorsFile,
        scale: Scale,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) throws(AdapterError) -> StoredAdapter {
        let update = try read(file, scale: scale, completion: .init(scope: scope, handed: handed))
        if let path = update.residual.keys.min() {
            throw .unexpectedTensorName(tensor: PEFTTensorName.residualA(module: path).text, source: file.source)
        }
        return update
    }

    private static func read(
        _ file: SafetensorsFile,
        scale: Scale,
        completion: AdapterTensors.Completion?
    ) throws(AdapterError) -> StoredAdapter {
        for tensor in file.tensors where tensor.elementType != .f32 {
            throw .unsupportedElementType(tensor: tensor.name, type: tensor.elementType, source: file.source)
        }
        let layer = AdapterTensors.Layer(
            rank: scale.rank,
            alpha: scale.alpha,
            usesRankStabilizedScaling: scale.usesRankStabilizedScaling
        )
        // What was handed out says of which kind an update is; a whole adapter says it by its tensors.
        let isNamed = completion.map { $0.handed.modules.isEmpty } ?? AdapterTensors.areNamed(file)
        let tensors = try AdapterTensors(file, isPayload: true, isNamed: isNamed, completion: completion) { _ in layer }
        guard let embedding = tensors.embeddingModules.min() else { return tensors.adapter }
        throw .unexpectedTensorName(tensor: PEFTTensorName.embeddingA(module: embedding).text, source: file.source)
    }
}

// MARK: - From bytes and paths

extension AdapterPayload {
    /// Reads a whole adapter from memory.
    package static func adapter(
        from bytes: [UInt8],
        rank: Int,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false,
        source: String,
        limits: SafetensorsLimits = .payload
    ) throws(AdapterError) -> LoRAAdapter {
        try adapter(
            from: try SafetensorsFile(bytes: bytes, source: source, limits: limits),
            scale: Scale(rank: rank, alpha: alpha, usesRankStabilizedScaling: usesRankStabilizedScaling)
        ).resident()
    }

    /// Reads a whole adapter from the file at `path`; messages call it `source`.
    package static func adapter(
        fromFileAt path: String,
        rank: Int,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false,
        source: String,
        limits: SafetensorsLimits = .payload
    ) throws(AdapterError) -> LoRAAdapter {
        try adapter(
            from: try SafetensorsFile(path: path, source: source, limits: limits),
            scale: Scale(rank: rank, alpha: alpha, usesRankStabilizedScaling: usesRankStabilizedScaling)
        ).resident()
    }
}
