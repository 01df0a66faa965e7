import Adapters
import LinearAlgebra

/// The clients of a round that count, how much each does, and how their values are combined.
///
/// Without a robust rule these are the clients of positive weight with their shares of the total.
struct CountedCohort: Sendable {
    /// One client that counts.
    struct Member: Sendable {
        let update: ClientUpdate
        /// Its weight; those of all members add up to 1.
        var weight: Double
        /// c, the part of its change that counts: 1 but where a rule shrinks changes.
        var scale = 1.0
    }

    /// In the order of the clients' names.
    private(set) var members: [Member]
    /// What takes the place of the mean, where a rule combines coordinate by coordinate.
    private(set) var rule: CoordinateRule?

    /// Creates the cohort of all clients of positive weight.
    ///
    /// - Parameters:
    ///   - updates: In the order of the clients' names.
    ///   - total: The sum of their weights, above 0.
    init(_ updates: [ClientUpdate], totalWeight total: Double) {
        self.members = updates.filter { $0.weight > 0 }.map { Member(update: $0, weight: $0.weight / total) }
    }

    /// Returns what a verdict leaves of the cohort.
    func judged(by verdict: RobustVerdict) -> CountedCohort {
        var cohort = self
        switch verdict {
        case .weights(let weights):
            for (index, weight) in weights.enumerated() {
                cohort.members[index].weight = weight
            }
            cohort.members.removeAll { $0.weight == 0 }
        case .scales(let scales):
            for (index, scale) in scales.enumerated() {
                cohort.members[index].scale = scale
            }
        case .coordinates(let rule, let members):
            cohort.members = members.map { Member(update: self.members[$0].update, weight: 1 / Double(members.count)) }
            cohort.rule = rule
        }
        return cohort
    }

    /// Returns one layer of the members' updates.
    ///
    /// A change that counts in part is shrunk in the space in which the strategy averages. Where that is products, the
    /// client appears twice: with a part of its weight by what it made, with the rest by what it was handed.
    func updates(
        of path: String,
        global: LoRAModule,
        averaging space: StrategyProfile.Averages,
        training factors: TrainedFactors
    ) -> [LayerUpdate] {
        var updates: [LayerUpdate] = []
        for member in members {
            guard let module = member.update.adapter.modules[path] else { continue }
            let handed = member.update.handed?.modules[path]
            func add(_ module: StoredAdapter.Module, weight: Double) {
                guard weight > 0 else { return }
                updates.append(
                    LayerUpdate(client: member.update.client, weight: weight, module: module, handed: handed)
                )
            }
            guard member.scale < 1 else {
                add(module, weight: member.weight)
                continue
            }
            let start = (handed ?? global).truncated(toRank: module.rank)
            switch space {
            case .products:
                add(module, weight: member.weight * member.scale)
                add(StoredAdapter.Module(start), weight: member.weight * (1 - member.scale))
            case .factors:
                add(module.shrunk(towards: start, keeping: member.scale, of: factors), weight: member.weight)
            }
        }
        return updates
    }

    /// Returns the combination of one saved tensor.
    ///
    /// - Throws: ``AggregationError/notFinite(client:tensor:)``.
    func combineSavedTensor(
        _ path: String,
        global: DenseTensor,
        threads: Int
    ) throws(AggregationError) -> [Float] {
        var tensors: [StoredMatrix] = []
        var coefficients: [Double] = []
        var clients: [ClientID] = []
        func add(_ tensor: StoredMatrix, _ coefficient: Double, of client: ClientID) {
            tensors.append(tensor)
            coefficients.append(coefficient)
            clients.append(client)
        }
        for member in members {
            guard let tensor = member.update.adapter.savedTensors[path] else { continue }
            add(tensor.elements, member.weight * member.scale, of: member.update.client)
            if member.scale < 1 {
                let start = member.update.handed?.savedTensors[path] ?? global
                add(StoredMatrix(start.row), member.weight * (1 - member.scale), of: member.update.client)
            }
        }
        if let rule {
            let combination = CoordinateCombination(rule: rule, count: tensors.count)
            return combination.combine(tensors, scaledBy: tensors.map { _ in 1 }, threads: threads).elements
        }
        let (mean, reports) = weightedSum(of: tensors, coefficients: coefficients, threads: threads)
        for (client, report) in zip(clients, reports) where !report.isFinite {
            throw .notFinite(client: client, tensor: path)
        }
        return mean.elements
    }
}

extension StoredAdapter.Module {
    /// Returns x⁰ + c·(x − x⁰) for each trained factor, at the scale of x⁰.
    fileprivate func shrunk(
        towards start: LoRAModule,
        keeping scale: Double,
        of factors: TrainedFactors
    ) -> StoredAdapter.Module {
        let ratios = FactorRatios(scaling: scaling, global: start.scaling, trained: factors)
        func shrink(_ factor: StoredMatrix, towards start: Matrix, ratio: Double) -> StoredMatrix {
            // One thread: layers are spread over the threads already.
            StoredMatrix(
                weightedSum(
                    of: [factor, StoredMatrix(start)],
                    coefficients: [scale * ratio, 1 - scale],
                    threads: 1
                ).sum
            )
        }
        return StoredAdapter.Module(
            a: factors.includesA ? shrink(a, towards: start.a, ratio: ratios.a) : a,
            b: factors.includesB ? shrink(b, towards: start.b, ratio: ratios.b) : b,
            core: core.map { core in
                guard factors.includesCore, let before = start.core else { return core }
                return shrink(core, towards: before, ratio: ratios.core)
            },
            alpha: start.alpha,
            usesRankStabilizedScaling: start.usesRankStabilizedScaling
        )
    }
}

extension DenseTensor {
    /// The elements as one row.
    var row: Matrix { Matrix(rows: 1, columns: elements.count, elements: elements) }
}
