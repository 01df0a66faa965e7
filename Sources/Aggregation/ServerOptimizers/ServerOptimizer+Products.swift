import Adapters
import LinearAlgebra

/// FedAvgM where every round has its own factors: the momentum is one of products.
extension ServerOptimizer {
    /// How many times a layer's rank its momentum has: the change of one round, G̅ − G, has at most twice.
    private static let ranksOfMomentum = 2

    /// M ← βM + (G̅ − G), cut to twice the layer's rank, and G ← G + ηM, cut to its rank.
    ///
    /// G = s·BA is the product of the previous adapter and G̅ that of what the round combined. Neither is formed. M leaves
    /// out the smallest parts of what earlier rounds left, and nothing of a first round. Where a layer is narrower than that
    /// rank, zeros fill M up: what is stored has one rank for all its layers.
    func stepProducts(
        from previous: LoRAAdapter,
        to next: inout LoRAAdapter,
        moments: inout ServerMoments,
        threads: Int
    ) throws(AggregationError) {
        guard case .momentum(let beta) = rule else {
            preconditionFailure("\(name) has moments of coordinates, and the strategy changes them")
        }
        let paths = previous.modules.keys.sorted()
        let (aggregate, current) = (next, moments)
        let threadsPerLayer = paths.count < threads ? threads : 1
        let layers = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            let path = paths[index]
            guard let module = previous.modules[path], let combined = aggregate.modules[path],
                let momentum = current.first.modules[path]
            else {
                preconditionFailure("'\(path)' of the aggregate or the moments does not fit the previous adapter")
            }
            var sum = FactoredSum(rows: module.outputWidth, columns: module.inputWidth)
            sum.add(momentum, times: beta)
            sum.add(combined, times: 1)
            sum.add(module, times: -1)
            let rank = Self.ranksOfMomentum * module.rank
            let moment = try LoRAModule(
                a: Matrix(rows: rank, columns: sum.columns),
                b: Matrix(rows: sum.rows, columns: rank),
                alpha: Double(rank)
            ).rebased(on: sum, path: path, threads: threadsPerLayer)
            var product = FactoredSum(rows: sum.rows, columns: sum.columns)
            product.add(module, times: 1)
            product.add(moment, times: learningRate)
            // The aggregate's A where nothing is left of the product.
            let stepped = try combined.rebased(on: product, path: path, threads: threadsPerLayer)
            for factor in [stepped.a, stepped.b, moment.a, moment.b] where !factor.isFinite {
                throw AggregationError.stepNotFinite(tensor: path)
            }
            return (module: stepped, moment: moment)
        }
        for (path, layer) in zip(paths, layers) {
            next.modules[path] = layer.module
            moments.first.modules[path] = layer.moment
        }
    }
}

extension FactoredSum {
    /// Adds a multiple of a module's product.
    fileprivate mutating func add(_ module: LoRAModule, times coefficient: Double) {
        let plain = module.withoutCore
        add(plain.b, plain.a, coefficient: coefficient * plain.scaling)
    }
}
