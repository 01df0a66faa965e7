private import LinearAlgebra

extension LoRAAdapter {
    /// Returns the adapter that a job starts from, which leaves the base model as it is.
    ///
    /// A is uniform in (−1/√in, 1/√in), which is Kaiming's uniform with a = √5, or normal; B is zero (PEFT's
    /// `reset_lora_parameters`). The head's weight is normal, its bias zero. Every tensor draws from a stream of its
    /// own, so that neither the order of layers nor the presence of others changes a value.
    ///
    /// - Parameters:
    ///   - layers: The layers to adapt.
    ///   - rank: r of all of them, at least 1.
    ///   - alpha: α of all of them.
    ///   - usesRankStabilizedScaling: Whether they scale by α/√r.
    ///   - initialization: How A is drawn. ``AdapterInitialization/pissa`` needs the model's weights, which
    ///     ``takePrincipalParts(of:)`` reads afterwards.
    ///   - head: What is trained whole.
    ///   - seed: The same seed gives the same adapter.
    /// - Returns: The adapter, with A rank×in and B out×rank for each layer.
    package static func initial(
        for layers: [LinearLayer],
        rank: Int,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false,
        initialization: AdapterInitialization = .kaiming,
        head: ClassificationHead? = nil,
        seed: UInt64
    ) -> LoRAAdapter {
        var modules: [String: LoRAModule] = [:]
        for layer in layers {
            var generator = CounterGenerator(seed: seed, stream: [streamName(layer.path)])
            let count = rank * layer.inputWidth
            let a: [Float]
            if initialization == .gaussian {
                a = (0..<count).map { _ in Float(generator.gaussian() / Double(rank)) }
            } else {
                let bound = 1 / Double(layer.inputWidth).squareRoot()
                a = (0..<count).map { _ in Float((2 * generator.uniform() - 1) * bound) }
            }
            modules[layer.path] = LoRAModule(
                a: Matrix(rows: rank, columns: layer.inputWidth, elements: a),
                b: Matrix(rows: layer.outputWidth, columns: rank),
                alpha: alpha,
                usesRankStabilizedScaling: usesRankStabilizedScaling
            )
        }
        guard let head else { return LoRAAdapter(modules: modules) }

        let name = "\(head.path).weight"
        var generator = CounterGenerator(seed: seed, stream: [streamName(name)])
        let weight = (0..<head.labelCount * head.hiddenSize).map { _ in
            Float(generator.gaussian() * head.initializerRange)
        }
        return LoRAAdapter(
            modules: modules,
            savedTensors: [
                name: DenseTensor(shape: [head.labelCount, head.hiddenSize], elements: weight),
                "\(head.path).bias": DenseTensor(
                    shape: [head.labelCount],
                    elements: [Float](repeating: 0, count: head.labelCount)
                ),
            ]
        )
    }

    /// FNV-1a of the name: a number that is the same in every process, as Swift's own hashes are not.
    private static func streamName(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
