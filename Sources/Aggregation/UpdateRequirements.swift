import Adapters
import LinearAlgebra

/// What every update of a round must be like, given the global adapter that its clients started from.
///
/// Shapes, ranks and scales cost nothing to check; values are checked by those who read them anyway, except those of
/// factors that had to stay frozen, which are compared bit by bit.
struct UpdateRequirements: Sendable {
    let global: LoRAAdapter
    let ranks: StrategyProfile.Ranks
    /// The factors that clients train; of the others each has what it was handed.
    ///
    /// What they train and do not send is handed to the strategy as they were handed it; in adapters that are combined
    /// offline it is their own.
    let trained: TrainedFactors
    /// Whether the change of a control variate comes with each update.
    var hasControls = false

    /// Checks an update's weight, names, shapes, ranks, scales and frozen factors.
    ///
    /// - Throws: The first ``AggregationError`` found.
    func check(_ update: ClientUpdate) throws(AggregationError) {
        guard update.weight.isFinite, update.weight >= 0 else {
            throw .invalidWeight(client: update.client, weight: update.weight)
        }
        try checkNames(of: update)
        try checkControls(of: update)
        for (path, expected) in global.modules.sorted(by: { $0.key < $1.key }) {
            guard let module = update.adapter.modules[path] else { continue }
            try check(module, at: path, against: expected, of: update.client)
            try checkFrozenFactors(of: module, at: path, against: expected, in: update)
        }
        for (path, expected) in global.savedTensors.sorted(by: { $0.key < $1.key }) {
            guard let tensor = update.adapter.savedTensors[path] else { continue }
            guard tensor.shape == expected.shape else {
                throw .shapeMismatch(
                    client: update.client,
                    tensor: path,
                    expected: expected.shape,
                    found: tensor.shape
                )
            }
        }
    }

    /// Checks every value of an update; for one of weight 0 too, because 0·NaN is NaN.
    func checkValues(of update: ClientUpdate) throws(AggregationError) {
        for (path, module) in update.adapter.modules.sorted(by: { $0.key < $1.key }) {
            let layer = LayerUpdate(client: update.client, weight: 0, module: module)
            for (name, matrix) in layer.tensors(at: path) where !matrix.isFinite {
                throw .notFinite(client: update.client, tensor: name)
            }
        }
        for (name, tensor) in update.adapter.savedTensors.sorted(by: { $0.key < $1.key })
        where !tensor.elements.isFinite {
            throw .notFinite(client: update.client, tensor: name)
        }
        for (name, tensor) in update.adapter.controls.sorted(by: { $0.key < $1.key })
        where !tensor.elements.isFinite {
            throw .notFinite(client: update.client, tensor: "control.\(name)")
        }
    }

    private func checkControls(of update: ClientUpdate) throws(AggregationError) {
        let expected = hasControls ? global.trainedTensors(trained).mapValues(\.shape) : [:]
        let found = update.adapter.controls
        guard Set(expected.keys) == Set(found.keys) else {
            throw .unexpectedTensors(
                client: update.client,
                missing: Set(expected.keys).subtracting(found.keys).map { "control.\($0)" }.sorted(),
                unknown: Set(found.keys).subtracting(expected.keys).map { "control.\($0)" }.sorted()
            )
        }
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) where found[name]?.shape != shape {
            throw .shapeMismatch(
                client: update.client,
                tensor: "control.\(name)",
                expected: shape,
                found: found[name]?.shape ?? []
            )
        }
    }

    private func checkNames(of update: ClientUpdate) throws(AggregationError) {
        let expected = Set(global.modules.keys).union(global.savedTensors.keys)
        let found = Set(update.adapter.modules.keys).union(update.adapter.savedTensors.keys)
        // A module and a saved tensor of one name are still two different things.
        let confused = expected.intersection(found).filter {
            (global.modules[$0] == nil) != (update.adapter.modules[$0] == nil)
        }
        guard expected == found, confused.isEmpty else {
            throw .unexpectedTensors(
                client: update.client,
                missing: expected.subtracting(found).union(confused).sorted(),
                unknown: found.subtracting(expected).union(confused).sorted()
            )
        }
    }

    private func check(
        _ module: StoredAdapter.Module,
        at path: String,
        against expected: LoRAModule,
        of client: ClientID
    ) throws(AggregationError) {
        // The rank is checked on its own, below.
        guard module.inputWidth == expected.inputWidth else {
            throw .shapeMismatch(
                client: client,
                tensor: LoRAAdapter.nameOfA(path),
                expected: [module.rank, expected.inputWidth],
                found: [module.a.rows, module.a.columns]
            )
        }
        guard module.outputWidth == expected.outputWidth else {
            throw .shapeMismatch(
                client: client,
                tensor: LoRAAdapter.nameOfB(path),
                expected: [expected.outputWidth, module.rank],
                found: [module.b.rows, module.b.columns]
            )
        }
        switch ranks {
        case .equal:
            guard module.rank == expected.rank else {
                throw .rankMismatch(client: client, module: path, expected: expected.rank, found: module.rank)
            }
        case .mixed:
            guard 1...max(expected.rank, 1) ~= module.rank else {
                throw .rankOutOfRange(client: client, module: path, largest: expected.rank, found: module.rank)
            }
        }
        guard (module.core == nil) == (expected.core == nil), module.core != nil || !trained.includesCore else {
            throw .unexpectedCore(client: client, tensor: LoRAAdapter.nameOfCore(path), isMissing: module.core == nil)
        }
        // The global scale is divided by; a client's may be anything finite.
        guard expected.scaling.isFinite, expected.scaling != 0 else {
            throw .invalidScaling(module: path, alpha: expected.alpha)
        }
        guard module.scaling.isFinite else {
            throw .invalidScaling(module: path, alpha: module.alpha)
        }
    }

    /// Checks that what the client had to leave alone is what it was handed, bit by bit.
    private func checkFrozenFactors(
        of module: StoredAdapter.Module,
        at path: String,
        against expected: LoRAModule,
        in update: ClientUpdate
    ) throws(AggregationError) {
        guard trained != .both else { return }
        let handed = update.handed?.modules[path] ?? expected.truncated(toRank: module.rank)
        if !trained.includesA, !module.a.hasSameBits(as: StoredMatrix(handed.a)) {
            throw .frozenFactorDiffers(client: update.client, tensor: LoRAAdapter.nameOfA(path))
        }
        if !trained.includesB, !module.b.hasSameBits(as: StoredMatrix(handed.b)) {
            throw .frozenFactorDiffers(client: update.client, tensor: LoRAAdapter.nameOfB(path))
        }
    }
}
