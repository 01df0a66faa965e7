import Adapters
import LinearAlgebra

/// What every update of a round must be like, given the global adapter that its clients started from.
struct UpdateRequirements: Sendable {
    /// Which ranks an update may have, module by module.
    enum Ranks: Sendable {
        /// The global adapter's.
        case equal
        /// From 1 to the global adapter's.
        case upToGlobal
    }

    let global: LoRAAdapter
    let ranks: Ranks

    /// Checks everything about an update: its weight, names, shapes, ranks and scales, and then every value.
    ///
    /// Values are checked for an update of weight 0 too: 0·NaN is NaN.
    ///
    /// - Throws: The first ``AggregationError`` found.
    func check(_ update: ClientUpdate) throws(AggregationError) {
        guard update.weight.isFinite, update.weight >= 0 else {
            throw .invalidWeight(client: update.client, weight: update.weight)
        }
        try checkNames(of: update)
        for (path, expected) in global.modules.sorted(by: { $0.key < $1.key }) {
            guard let module = update.adapter.modules[path] else { continue }
            try check(module, at: path, against: expected, of: update.client)
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
        for tensor in update.adapter.orderedTensors {
            guard allFinite(tensor.elements.span) else {
                throw .notFinite(client: update.client, tensor: tensor.name)
            }
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
        _ module: LoRAModule,
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
        case .upToGlobal:
            guard 1...max(expected.rank, 1) ~= module.rank else {
                throw .rankOutOfRange(client: client, module: path, largest: expected.rank, found: module.rank)
            }
        }
        // The global scale is divided by; a client's may be anything finite.
        guard expected.scaling.isFinite, expected.scaling != 0 else {
            throw .invalidScaling(module: path, alpha: expected.alpha)
        }
        guard module.scaling.isFinite else {
            throw .invalidScaling(module: path, alpha: module.alpha)
        }
    }
}
