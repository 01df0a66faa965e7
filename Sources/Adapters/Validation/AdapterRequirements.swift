private import LinearAlgebra

/// What an adapter from outside has to be before anything is computed with it.
///
/// Everything that a client sends is checked against the job first: names, shapes, rank and scale exactly, values for
/// being finite and of a size that no later product can turn into infinity.
package struct AdapterRequirements: Sendable, Equatable {
    /// The size of a layer's weight.
    package struct Extent: Sendable, Hashable {
        package let outputWidth: Int
        package let inputWidth: Int

        package init(outputWidth: Int, inputWidth: Int) {
            self.outputWidth = outputWidth
            self.inputWidth = inputWidth
        }
    }

    /// The adapted layers, by module path.
    package let layers: [String: Extent]
    /// The shapes of the tensors that are saved whole, by parameter path.
    package let savedShapes: [String: [Int]]
    /// The rank of every layer.
    package let rank: Int
    /// s of every layer: α/r or α/√r.
    package let scaling: Double
    package let limits: ValueLimits

    package init(
        layers: [String: Extent],
        savedShapes: [String: [Int]] = [:],
        rank: Int,
        scaling: Double,
        limits: ValueLimits = ValueLimits()
    ) {
        self.layers = layers
        self.savedShapes = savedShapes
        self.rank = rank
        self.scaling = scaling
        self.limits = limits
    }

    /// Requires the layers and saved tensors of `adapter`, at another rank and scale.
    package init(likeness adapter: LoRAAdapter, rank: Int, scaling: Double, limits: ValueLimits = ValueLimits()) {
        self.init(
            layers: adapter.modules.mapValues { Extent(outputWidth: $0.outputWidth, inputWidth: $0.inputWidth) },
            savedShapes: adapter.savedTensors.mapValues(\.shape),
            rank: rank,
            scaling: scaling,
            limits: limits
        )
    }

    /// Checks an adapter; returns when it can be computed with.
    ///
    /// - Parameters:
    ///   - adapter: What was received.
    ///   - source: What messages call it, such as the client's name.
    /// - Throws: ``AdapterError`` that names the first layer or tensor which does not fit, in the order of their names.
    /// - Complexity: One pass over the elements.
    package func check(_ adapter: LoRAAdapter, source: String) throws(AdapterError) {
        try checkNames(of: adapter, source: source)
        for (path, extent) in layers.sorted(by: { $0.key < $1.key }) {
            guard let module = adapter.modules[path] else { continue }
            try check(module, at: path, extent: extent, source: source)
        }
        for (name, shape) in savedShapes.sorted(by: { $0.key < $1.key }) {
            guard let tensor = adapter.savedTensors[name] else { continue }
            guard tensor.shape == shape else {
                throw .shapeMismatch(tensor: name, expected: shape, found: tensor.shape, source: source)
            }
            _ = try limits.largestMagnitude(of: tensor.elements.span, tensor: name, source: source)
        }
        let trainable = adapter.trainedTensors(.both).merging(adapter.trainedTensors(.core)) { first, _ in first }
        for (name, control) in adapter.controls.sorted(by: { $0.key < $1.key }) {
            let text = PEFTTensorName.control(tensor: name).text
            guard let tensor = trainable[name] else { throw .unexpectedTensorName(tensor: text, source: source) }
            guard tensor.shape == control.shape else {
                throw .shapeMismatch(tensor: text, expected: tensor.shape, found: control.shape, source: source)
            }
            _ = try limits.largestMagnitude(of: control.elements.span, tensor: text, source: source)
        }
        for (path, module) in adapter.residual.sorted(by: { $0.key < $1.key }) {
            try checkResidual(module, at: path, source: source)
        }
    }

    /// Checks what is folded into the base model; its rank is its own.
    private func checkResidual(_ module: LoRAModule, at path: String, source: String) throws(AdapterError) {
        let (a, b) = (PEFTTensorName.residualA(module: path), PEFTTensorName.residualB(module: path))
        guard let extent = layers[path] else { throw .unexpectedTensorName(tensor: a.text, source: source) }
        for (name, expected, matrix) in [
            (a, [module.rank, extent.inputWidth], module.a), (b, [extent.outputWidth, module.rank], module.b),
        ] {
            guard expected == [matrix.rows, matrix.columns] else {
                throw .shapeMismatch(
                    tensor: name.text,
                    expected: expected,
                    found: [matrix.rows, matrix.columns],
                    source: source
                )
            }
            _ = try limits.largestMagnitude(of: matrix.elements.span, tensor: name.text, source: source)
        }
    }

    private func checkNames(of adapter: LoRAAdapter, source: String) throws(AdapterError) {
        let expected = Set(layers.keys).union(savedShapes.keys)
        let found = Set(adapter.modules.keys).union(adapter.savedTensors.keys)
        let fits =
            expected == found && adapter.modules.keys.allSatisfy { layers[$0] != nil }
            && adapter.savedTensors.keys.allSatisfy { savedShapes[$0] != nil }
        guard fits else {
            throw .unexpectedTensors(
                missing: expected.subtracting(found).sorted(),
                unknown: found.subtracting(expected).sorted(),
                source: source
            )
        }
    }

    private func check(
        _ module: LoRAModule,
        at path: String,
        extent: Extent,
        source: String
    ) throws(AdapterError) {
        guard module.rank == rank else {
            throw .rankMismatch(module: path, expected: rank, found: module.rank, source: source)
        }
        let (a, b) = (PEFTTensorName.lowRankA(module: path).text, PEFTTensorName.lowRankB(module: path).text)
        for (name, expected, found) in [
            (a, [rank, extent.inputWidth], [module.a.rows, module.a.columns]),
            (b, [extent.outputWidth, rank], [module.b.rows, module.b.columns]),
        ] where expected != found {
            throw .shapeMismatch(tensor: name, expected: expected, found: found, source: source)
        }
        guard module.scaling == scaling else {
            throw .scalingMismatch(module: path, expected: scaling, found: module.scaling, source: source)
        }
        let largestA = try module.a.withElements { (span) throws(AdapterError) in
            try limits.largestMagnitude(of: span, tensor: a, source: source)
        }
        let largestB = try module.b.withElements { (span) throws(AdapterError) in
            try limits.largestMagnitude(of: span, tensor: b, source: source)
        }
        if let core = module.core {
            let name = PEFTTensorName.core(module: path).text
            _ = try limits.largestMagnitude(of: core.elements.span, tensor: name, source: source)
        }
        // No element of s·BA exceeds s·r·max|B|·max|A|.
        let bound = scaling.magnitude * Double(rank) * Double(largestA) * Double(largestB)
        guard bound <= limits.largestProduct else {
            throw .productTooLarge(module: path, bound: bound, limit: limits.largestProduct, source: source)
        }
    }
}
