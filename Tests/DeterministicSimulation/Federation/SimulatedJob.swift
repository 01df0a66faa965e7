package import Adapters
package import FederatedLearning
import LinearAlgebra

/// A job of a simulated federation: what is submitted, and the adapter that it starts from.
package struct SimulatedJob: Sendable {
    /// What protects the silos.
    package enum Privacy: Sendable, CaseIterable {
        case none
        /// Every silo noises its update, and keeps a ledger.
        case local
        /// The server noises the sum, and keeps a ledger.
        case central
    }

    /// How wide the only layer is: every client trains an element of its own (`ConstantTrainer`).
    private static let width = 24
    private static let layer = "encoder.layer.0.attention.self.query"
    static let deadline = Duration.seconds(40)

    /// What decides what a client makes of an adapter, the same in every job: how many rounds there are, and how many updates
    /// close one, does not.
    static let training = [
        "model: none",
        "task: sequence-classification",
        "labels: [\((0..<width).map { "l\($0)" }.joined(separator: ", "))]",
        "adapter: {r: 4, lora_alpha: 8, target_modules: [query], modules_to_save: [classifier]}",
        "strategy: {name: fedavg}",
    ]

    package let id: JobID
    package let yaml: String
    package let configuration: JobConfiguration

    /// Writes a job of `rounds` rounds.
    package init(id: String, rounds: Int, minimum: Int, privacy: Privacy = .none, seed: UInt64) throws {
        let lines = [
            "name: one-hot",
            "rounds: \(rounds)",
            "cohort: {size: \(FederationTemplate.honest), minimum: \(minimum), deadline: 40s}",
            "evaluation: {every: \(rounds)}",
            "seed: \(seed % 1000)",
        ]
        let protection =
            switch privacy {
            case .none: [String]()
            case .local:
                [
                    "privacy: {mechanism: local, clipping_norm: 1.0, noise_multiplier: 8.0, delta: 1.0e-3, "
                        + "accountant: rdp}"
                ]
            case .central:
                [
                    "privacy: {mechanism: central, clipping_norm: 1.0, noise_multiplier: 2.0, delta: 1.0e-3, "
                        + "accountant: rdp}"
                ]
            }
        self.id = JobID(rawValue: id)
        self.yaml = (lines + Self.training + protection).joined(separator: "\n") + "\n"
        self.configuration = try JobFile.parse(yaml)
    }

    /// The adapter that the job starts from: rank 4, and a head of zeros.
    package func initialAdapter() -> LoRAAdapter {
        let (width, rank) = (Self.width, configuration.adapter.rank)
        var generator = CounterGenerator(seed: configuration.seed)
        let a = (0..<rank * width).map { _ in Float(generator.gaussian()) }
        return LoRAAdapter(
            modules: [
                Self.layer: LoRAModule(
                    a: Matrix(rows: rank, columns: width, elements: a),
                    b: Matrix(rows: width, columns: rank, elements: [Float](repeating: 0, count: width * rank)),
                    alpha: configuration.adapter.alpha
                )
            ],
            savedTensors: [
                "classifier.bias": DenseTensor(shape: [width], elements: [Float](repeating: 0, count: width))
            ]
        )
    }
}
