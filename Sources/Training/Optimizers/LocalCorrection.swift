import Adapters
import Aggregation
import FederatedLearning

/// What is added to every gradient of a local training beside the loss's own: the client halves of FedProx, HetLoRA and SCAFFOLD.
struct LocalCorrection: Sendable {
    /// The suffix of one layer that HetLoRA may drop, as places among the trained numbers.
    private struct Suffix: Sendable {
        /// Columns q… of B, row by row.
        let b: [Range<Int>]
        /// Rows q… of A.
        let a: Range<Int>
    }

    /// µ.
    private let proximalMu: Float
    /// w₀: what the round started from, and so in its gauge.
    private let anchor: [Float]
    /// c − cᵢ; empty where there are no control variates.
    private let controls: [Float]
    /// λ.
    private let penalty: Double
    private let suffixes: [Suffix]

    /// Prepares the corrections that an order asks for.
    ///
    /// - Parameters:
    ///   - task: The settings and rules of the round.
    ///   - parameters: Where the trained numbers lie.
    ///   - start: The trained numbers at the start.
    ///   - adapter: The adapter that they belong to.
    init(
        _ task: TrainingTask,
        parameters: TrainableParameters,
        start: [Float],
        adapter: LoRAAdapter
    ) {
        self.proximalMu = Float(task.settings.proximalMu)
        self.anchor = start
        self.controls = adapter.controls.isEmpty ? [] : parameters.values(of: adapter.controls)
        self.penalty = task.rules.pruning?.penalty ?? 0
        self.suffixes =
            task.rules.pruning.map { pruning in
                adapter.modules.sorted { $0.key < $1.key }.compactMap { path, module in
                    let (rank, prefix) = (module.rank, pruning.prefix(ofRank: module.rank))
                    guard prefix < rank, let a = parameters.range(of: .a(module: path)),
                        let b = parameters.range(of: .b(module: path))
                    else { return nil }
                    return Suffix(
                        b: (0..<module.outputWidth).map { row in
                            b.lowerBound + row * rank + prefix..<b.lowerBound + (row + 1) * rank
                        },
                        a: a.lowerBound + prefix * module.inputWidth..<a.upperBound
                    )
                }
            } ?? []
    }

    /// gradient ← gradient + µ·(w − w₀) + c − cᵢ + λ·∇Σ ‖B[:, q:]‖·‖A[q:, :]‖.
    func add(to gradient: inout [Float], at values: [Float]) {
        for index in controls.indices { gradient[index] += controls[index] }
        if proximalMu > 0 {
            for index in gradient.indices {
                gradient[index] += proximalMu * (values[index] - anchor[index])
            }
        }
        guard penalty > 0 else { return }
        for suffix in suffixes {
            let normOfA = norm(of: CollectionOfOne(suffix.a), in: values)
            let normOfB = norm(of: suffix.b, in: values)
            // The norm has no gradient at zero; zero is where the penalty wants to be.
            guard normOfA > 0, normOfB > 0 else { continue }
            let factorOfA = Float(penalty * normOfB / normOfA)
            for index in suffix.a { gradient[index] += factorOfA * values[index] }
            let factorOfB = Float(penalty * normOfA / normOfB)
            for row in suffix.b {
                for index in row { gradient[index] += factorOfB * values[index] }
            }
        }
    }

    private func norm(of ranges: some Sequence<Range<Int>>, in values: [Float]) -> Double {
        var squares = 0.0
        for range in ranges {
            for index in range { squares += Double(values[index]) * Double(values[index]) }
        }
        return squares.squareRoot()
    }
}
