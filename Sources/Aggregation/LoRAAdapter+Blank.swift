package import Adapters
import LinearAlgebra

extension LoRAAdapter {
    /// Creates an adapter that changes nothing and has room for what `updates` add up to.
    ///
    /// It stands in for the global adapter where there is none, as when adapters are combined offline. Modules, widths
    /// and saved tensors are those of the first client by name. Each module has the largest rank of any client, and α and
    /// its scaling rule from the first client with that rank. As LoRA starts, B is zero and A is drawn uniformly from
    /// ±1/√(input width); the draw is the same every time.
    ///
    /// - Parameters:
    ///   - updates: At least one.
    ///   - minimumRank: The rank to have at least, when what is combined will be handed out at higher ranks.
    ///   - alpha: α of every module, instead of the clients'.
    /// - Throws: ``AggregationError/nothingToAggregate`` when there are no updates.
    package init(
        blankFor updates: some Sequence<ClientUpdate>,
        minimumRank: Int = 1,
        alpha: Double? = nil
    ) throws(AggregationError) {
        let adapters = updates.sorted { $0.client < $1.client }.map(\.adapter)
        guard let first = adapters.first else { throw .nothingToAggregate }
        var modules: [String: LoRAModule] = [:]
        for (index, (path, module)) in first.modules.sorted(by: { $0.key < $1.key }).enumerated() {
            var largest = module
            for case .some(let other) in adapters.map({ $0.modules[path] }) where other.rank > largest.rank {
                largest = other
            }
            let rank = max(largest.rank, minimumRank)
            var generator = CounterGenerator(seed: 0, stream: UInt64(index))
            let bound = 1 / Double(max(module.inputWidth, 1)).squareRoot()
            let a = (0..<rank * module.inputWidth).map { _ in Float(bound * (2 * generator.uniform() - 1)) }
            modules[path] = LoRAModule(
                a: Matrix(rows: rank, columns: module.inputWidth, elements: a),
                b: Matrix(rows: module.outputWidth, columns: rank),
                alpha: alpha ?? largest.alpha,
                usesRankStabilizedScaling: largest.usesRankStabilizedScaling
            )
        }
        self.init(
            modules: modules,
            savedTensors: first.savedTensors.mapValues {
                DenseTensor(shape: $0.shape, elements: [Float](repeating: 0, count: $0.elements.count))
            }
        )
    }
}
