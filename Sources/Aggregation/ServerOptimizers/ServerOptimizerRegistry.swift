/// The server optimizers by the names that job files and command lines use.
///
/// A new optimizer is one line in ``entries``.
package enum ServerOptimizerRegistry {
    private struct Entry: Sendable {
        let name: String
        /// The keys beside `name` that mean something to it.
        var keys: Set<String> = []
        let make: @Sendable (ServerOptimizerSettings) -> ServerOptimizer?
    }

    /// η of the adaptive optimizers where a job gives none; for LoRA's factors, whose entries are that small.
    private static let adaptiveRate = 1e-3

    private static let entries: [Entry] = [
        Entry(name: "none") { _ in nil },
        Entry(name: "fedavgm", keys: ["learning_rate", "momentum"]) {
            .fedAvgM(learningRate: $0.learningRate ?? 1, momentum: $0.momentum ?? 0.9)
        },
        Entry(name: "fedadam", keys: ["learning_rate", "beta1", "beta2", "tau"]) {
            .fedAdam(
                learningRate: $0.learningRate ?? adaptiveRate,
                beta1: $0.beta1 ?? 0.9,
                beta2: $0.beta2 ?? 0.99,
                tau: $0.tau ?? 1e-3
            )
        },
        Entry(name: "fedyogi", keys: ["learning_rate", "beta1", "beta2", "tau"]) {
            .fedYogi(
                learningRate: $0.learningRate ?? adaptiveRate,
                beta1: $0.beta1 ?? 0.9,
                beta2: $0.beta2 ?? 0.99,
                tau: $0.tau ?? 1e-3
            )
        },
        Entry(name: "fedadagrad", keys: ["learning_rate", "beta1", "tau"]) {
            .fedAdagrad(
                learningRate: $0.learningRate ?? adaptiveRate,
                beta1: $0.beta1 ?? 0,
                tau: $0.tau ?? 1e-3
            )
        },
    ]

    /// The names of all optimizers.
    package static var names: [String] { entries.map(\.name) }

    /// Returns the optimizer that `settings` describe, or `nil` for `none`.
    ///
    /// - Throws: ``AggregationError/unknownServerOptimizer(_:known:)``, and
    ///   ``AggregationError/unsuitableSetting(key:problem:remedy:)`` for a value out of range or one that means nothing to
    ///   the optimizer.
    package static func optimizer(_ settings: ServerOptimizerSettings) throws(AggregationError) -> ServerOptimizer? {
        guard let entry = entries.first(where: { $0.name == settings.name }) else {
            throw .unknownServerOptimizer(settings.name, known: names)
        }
        for (key, value, range) in settings.given {
            guard entry.keys.contains(key) else {
                throw .unsuitableSetting(
                    key: "server_optimizer.\(key)",
                    problem: "has no effect with `name: \(entry.name)`",
                    remedy: "Remove it."
                )
            }
            guard range.contains(value) else {
                throw .unsuitableSetting(
                    key: "server_optimizer.\(key)",
                    problem: "is \(value), which is out of range",
                    remedy: "Write a number \(range.description)."
                )
            }
        }
        return entry.make(settings)
    }
}

/// Where a setting has to lie.
private enum SettingRange: CustomStringConvertible {
    case decay
    case positive(atMost: Double)

    func contains(_ value: Double) -> Bool {
        switch self {
        case .decay: value >= 0 && value < 1
        case .positive(let limit): value > 0 && value <= limit
        }
    }

    var description: String {
        switch self {
        case .decay: "from 0 to below 1"
        case .positive(let limit): "above 0 and at most \(Int(limit))"
        }
    }
}

extension ServerOptimizerSettings {
    /// The values that the job gives, with their keys and ranges.
    fileprivate var given: [(key: String, value: Double, range: SettingRange)] {
        let all: [(String, Double?, SettingRange)] = [
            ("learning_rate", learningRate, .positive(atMost: 1000)),
            ("momentum", momentum, .decay),
            ("beta1", beta1, .decay),
            ("beta2", beta2, .decay),
            ("tau", tau, .positive(atMost: 1000)),
        ]
        return all.compactMap { key, value, range in value.map { (key, $0, range) } }
    }
}
