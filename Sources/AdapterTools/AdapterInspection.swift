package import Adapters
private import LinearAlgebra

/// What an adapter does to each layer, in numbers.
package struct AdapterInspection: Sendable, Hashable, Codable {
    /// One adapted layer.
    package struct Layer: Sendable, Hashable, Codable {
        package let path: String
        package let outputWidth: Int
        package let inputWidth: Int
        package let rank: Int
        package let alpha: Double
        /// s, by which BA is multiplied.
        package let scaling: Double
        /// ‖A‖_F and ‖B‖_F.
        package let normOfA: Double
        package let normOfB: Double
        /// ‖ΔW‖_F of ΔW = s·BA.
        package let norm: Double
        /// Of ΔW, descending.
        package let singularValues: [Double]
        /// See ``LayerSpectrum/effectiveRank``; `nil` where ΔW is zero.
        package let effectiveRank: Double?

        enum CodingKeys: String, CodingKey {
            case path
            case outputWidth = "output_width"
            case inputWidth = "input_width"
            case rank, alpha, scaling
            case normOfA = "norm_a"
            case normOfB = "norm_b"
            case norm
            case singularValues = "singular_values"
            case effectiveRank = "effective_rank"
        }
    }

    /// A tensor that is saved whole.
    package struct SavedTensor: Sendable, Hashable, Codable {
        package let name: String
        package let shape: [Int]
        package let norm: Double
    }

    /// By path; numbers in paths count as numbers.
    package let layers: [Layer]
    package let savedTensors: [SavedTensor]
    /// How many numbers the adapter holds.
    package let parameterCount: Int

    enum CodingKeys: String, CodingKey {
        case layers
        case savedTensors = "saved_tensors"
        case parameterCount = "parameters"
    }

    /// Measures every layer.
    ///
    /// - Throws: ``AdapterToolsError/factorizationFailed(layer:reason:)``.
    /// - Complexity: O((out + in)·r²) a layer.
    package init(of adapter: LoRAAdapter) throws(AdapterToolsError) {
        var layers: [Layer] = []
        for path in adapter.modules.keys.sorted(by: LayerOrder.precedes) {
            guard let module = adapter.modules[path] else { continue }
            let spectrum = try LayerSpectrum(of: module, at: path)
            layers.append(
                Layer(
                    path: path,
                    outputWidth: module.outputWidth,
                    inputWidth: module.inputWidth,
                    rank: module.rank,
                    alpha: module.alpha,
                    scaling: module.scaling,
                    normOfA: module.a.frobeniusNorm,
                    normOfB: module.b.frobeniusNorm,
                    norm: spectrum.norm,
                    singularValues: spectrum.singularValues,
                    effectiveRank: spectrum.effectiveRank
                )
            )
        }
        self.layers = layers
        self.savedTensors = adapter.savedTensors.sorted { $0.key < $1.key }.map { name, tensor in
            SavedTensor(name: name, shape: tensor.shape, norm: tensor.norm)
        }
        self.parameterCount =
            adapter.modules.values.reduce(0) { $0 + $1.a.count + $1.b.count + ($1.core?.count ?? 0) }
            + adapter.savedTensors.values.reduce(0) { $0 + $1.elements.count }
    }
}

extension DenseTensor {
    /// The root of the sum of squares, in 64 bits.
    var norm: Double { elements.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
}
