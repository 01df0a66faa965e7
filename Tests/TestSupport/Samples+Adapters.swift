package import Adapters
package import Aggregation
package import FederatedLearning
private import LinearAlgebra

extension LoRAAdapter {
    /// An adapter of two 8×8 layers and a head for eight classes, small enough to read.
    ///
    /// A holds normal deviates, B is zero as in a fresh adapter unless `fillsB` is set.
    package static func sample(
        rank: Int = 4,
        alpha: Double = 8,
        seed: UInt64 = 1,
        fillsB: Bool = false
    ) -> LoRAAdapter {
        var generator = CounterGenerator(seed: seed)
        let width = 8
        var modules: [String: LoRAModule] = [:]
        for name in ["query", "value"] {
            modules["bert.encoder.layer.0.attention.self.\(name)"] = LoRAModule(
                a: Matrix(
                    rows: rank,
                    columns: width,
                    elements: (0..<rank * width).map { _ in Float(generator.gaussian()) }
                ),
                b: Matrix(
                    rows: width,
                    columns: rank,
                    elements: (0..<rank * width).map { _ in fillsB ? Float(generator.gaussian()) : 0 }
                ),
                alpha: alpha
            )
        }
        return LoRAAdapter(
            modules: modules,
            savedTensors: [
                "classifier.weight": DenseTensor(shape: [8, width], elements: .init(repeating: 0, count: 8 * width)),
                "classifier.bias": DenseTensor(shape: [8], elements: .init(repeating: 0, count: 8)),
            ]
        )
    }
}

extension ContentDigest {
    /// The digest of a base model that tests speak of.
    package static let sampleModel = ContentDigest(hashing: Array("model".utf8))
}

extension JobConfiguration {
    /// A job that fits ``Adapters/LoRAAdapter/sample(rank:alpha:seed:fillsB:)``.
    package static func sample(
        strategy: StrategySettings = .init(name: "fedavg"),
        rank: Int = 4,
        rounds: Int = 2,
        size: Int = 3,
        minimum: Int = 2,
        overselect: Double = 1,
        evaluation: Evaluation = .init()
    ) -> JobConfiguration {
        JobConfiguration(
            name: "sample",
            model: "model",
            task: .sequenceClassification,
            labels: (0..<8).map { "label-\($0)" },
            adapter: .init(
                rank: rank,
                alpha: 8,
                targetModules: ["query", "value"],
                modulesToSave: ["classifier"]
            ),
            strategy: strategy,
            rounds: rounds,
            cohort: .init(size: size, minimum: minimum, deadline: .seconds(600), overselect: overselect),
            evaluation: evaluation
        )
    }
}
