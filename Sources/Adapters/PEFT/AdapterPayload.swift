/// An adapter as it travels: the bytes of a safetensors file with PEFT's names, every tensor F32.
///
/// The bytes depend on the adapter alone, so equal adapters have equal digests. They do not say how their product is
/// scaled: rank, α and rsLoRA travel beside them.
package enum AdapterPayload {
    /// Returns the payload of `adapter`.
    package static func bytes(of adapter: LoRAAdapter) -> [UInt8] {
        document(of: adapter).bytes()
    }

    /// Returns the payload of `adapter` for writing it piece by piece.
    package static func document(of adapter: LoRAAdapter) -> SafetensorsDocument {
        AdapterTensors(adapter: adapter).document
    }

    /// Reads a payload.
    ///
    /// - Parameters:
    ///   - file: The payload, opened with ``SafetensorsLimits/payload``.
    ///   - rank: The rank that every layer has to have.
    ///   - alpha: α of every layer.
    ///   - usesRankStabilizedScaling: Whether layers scale by α/√r.
    /// - Returns: The adapter.
    /// - Throws: ``AdapterError`` that names the tensor which does not fit. Values are not judged here;
    ///   ``AdapterRequirements/check(_:source:)`` does that.
    package static func adapter(
        from file: SafetensorsFile,
        rank: Int,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false
    ) throws(AdapterError) -> LoRAAdapter {
        for tensor in file.tensors where tensor.elementType != .f32 {
            throw .unsupportedElementType(tensor: tensor.name, type: tensor.elementType, source: file.source)
        }
        let layer = AdapterTensors.Layer(
            rank: rank,
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
        let tensors = try AdapterTensors(file) { _ in layer }
        guard let embedding = tensors.embeddingModules.min() else { return tensors.adapter }
        throw .unexpectedTensorName(tensor: PEFTTensorName.embeddingA(module: embedding).text, source: file.source)
    }

    /// Reads a payload from memory.
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
            rank: rank,
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
    }

    /// Reads a payload from the file at `path`; messages call it `source`.
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
            rank: rank,
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
    }
}
