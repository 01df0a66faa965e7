package import Adapters
import LinearAlgebra

extension ServerOptimizer {
    /// Checks that the optimizer goes with a strategy.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the reason.
    package func check(goesWith profile: StrategyProfile) throws(AggregationError) {
        guard profile.rebasesFactors else { return }
        if profile.changesBaseModel {
            throw .unsuitableSetting(
                key: "server_optimizer.name",
                problem: "is '\(name)', and \(profile.name) starts new factors every round: nothing has moments",
                remedy: "Write `name: none`, or use another strategy."
            )
        }
        if case .adaptive = rule {
            throw .unsuitableSetting(
                key: "server_optimizer.name",
                problem: """
                    is '\(name)', whose moments belong to single coordinates, and \(profile.name) changes the basis of \
                    the factors every round
                    """,
                remedy: "Use fedavgm, which carries the momentum of the product, or a strategy such as fedavg."
            )
        }
    }

    /// Returns the next global adapter: a step from the previous one in the direction of what a round combined.
    ///
    /// Factors that nobody sent, and their moments, stay as they are. What the round folded into the base model stays
    /// folded.
    ///
    /// - Parameters:
    ///   - previous: x, what the round started from.
    ///   - aggregate: What it combined, of the same shape.
    ///   - moments: Those of the round before, replaced by this round's; `nil` before the first.
    ///   - profile: The strategy's; it goes with the optimizer.
    ///   - sent: Which factors were sent.
    ///   - threads: How many threads to use; the result does not depend on it.
    /// - Returns: The next x.
    /// - Throws: ``AggregationError/stepNotFinite(tensor:)``, and ``AggregationError/factorizationFailed(module:reason:)``
    ///   where products are split; `moments` is unchanged then.
    package func step(
        from previous: LoRAAdapter,
        towards aggregate: LoRAAdapter,
        moments: inout ServerMoments?,
        profile: StrategyProfile,
        sent: TrainedFactors = .both,
        threads: Int = Concurrency.processorCount
    ) throws(AggregationError) -> LoRAAdapter {
        var current = moments ?? ServerMoments(before: previous, optimizer: self)
        var next = aggregate
        if profile.rebasesFactors {
            try stepProducts(from: previous, to: &next, moments: &current, threads: threads)
        } else {
            try stepFactors(from: previous, to: &next, moments: &current, sent: sent, threads: threads)
        }
        try stepSavedTensors(from: previous, to: &next, moments: &current, threads: threads)
        moments = current
        return next
    }

    // MARK: - Coordinates

    private func stepFactors(
        from previous: LoRAAdapter,
        to next: inout LoRAAdapter,
        moments: inout ServerMoments,
        sent: TrainedFactors,
        threads: Int
    ) throws(AggregationError) {
        for factor in Factor.allCases where factor.isSent(sent) {
            let paths = previous.modules.keys.sorted().filter { previous.modules[$0]?[factor] != nil }
            let (current, aggregate) = (moments, next)
            let steps = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
                let path = paths[index]
                return try step(
                    from: previous.modules[path]?[factor],
                    towards: aggregate.modules[path]?[factor],
                    first: current.first.modules[path]?[factor],
                    second: current.second?.modules[path]?[factor],
                    tensor: factor.name(path)
                )
            }
            for (path, step) in zip(paths, steps) {
                next.modules[path]?[factor]?.replaceElements(by: step.values)
                moments.first.modules[path]?[factor]?.replaceElements(by: step.first)
                moments.second?.modules[path]?[factor]?.replaceElements(by: step.second)
            }
        }
    }

    private func stepSavedTensors(
        from previous: LoRAAdapter,
        to next: inout LoRAAdapter,
        moments: inout ServerMoments,
        threads: Int
    ) throws(AggregationError) {
        let paths = previous.savedTensors.keys.sorted()
        let (current, aggregate) = (moments, next)
        let steps = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            let path = paths[index]
            return try step(
                from: previous.savedTensors[path]?.row,
                towards: aggregate.savedTensors[path]?.row,
                first: current.first.savedTensors[path]?.row,
                second: current.second?.savedTensors[path]?.row,
                tensor: path
            )
        }
        for (path, step) in zip(paths, steps) {
            next.savedTensors[path]?.elements = step.values
            moments.first.savedTensors[path]?.elements = step.first
            moments.second?.savedTensors[path]?.elements = step.second
        }
    }

    private func step(
        from previous: Matrix?,
        towards aggregate: Matrix?,
        first: Matrix?,
        second: Matrix?,
        tensor: String
    ) throws(AggregationError) -> TensorStep {
        guard let previous, let aggregate, let first, aggregate.count == previous.count else {
            preconditionFailure("'\(tensor)' of the aggregate or the moments does not fit the previous adapter")
        }
        var step = TensorStep(values: previous.elements, first: first.elements, second: second?.elements ?? [])
        step.take(towards: aggregate.elements.span, by: self)
        guard allFinite(step.values.span), allFinite(step.first.span), allFinite(step.second.span) else {
            throw .stepNotFinite(tensor: tensor)
        }
        return step
    }
}

/// A factor of a module, by which one is chosen.
private enum Factor: CaseIterable {
    case a, b, core

    func isSent(_ sent: TrainedFactors) -> Bool {
        switch self {
        case .a: sent.includesA
        case .b: sent.includesB
        case .core: sent.includesCore
        }
    }

    func name(_ path: String) -> String {
        switch self {
        case .a: LoRAAdapter.nameOfA(path)
        case .b: LoRAAdapter.nameOfB(path)
        case .core: LoRAAdapter.nameOfCore(path)
        }
    }
}

extension LoRAModule {
    fileprivate subscript(factor: Factor) -> Matrix? {
        get {
            switch factor {
            case .a: a
            case .b: b
            case .core: core
            }
        }
        set {
            switch factor {
            case .a: a = newValue ?? a
            case .b: b = newValue ?? b
            case .core: core = newValue
            }
        }
    }
}

extension Matrix {
    fileprivate mutating func replaceElements(by elements: [Float]) {
        self = Matrix(rows: rows, columns: columns, elements: elements)
    }
}
