/// The strategies by the names that job files and command lines use.
///
/// A new strategy is one line in ``entries``.
package enum StrategyRegistry {
    private struct Entry: Sendable {
        let name: String
        /// The modes on offer, the default first; none where the strategy has no modes.
        var modes: [AggregationMode] = []
        /// The keys beside `name` and `mode` that mean something to it.
        var keys: Set<String> = []
        let make: @Sendable (StrategySettings) -> any AggregationStrategy
    }

    private static let entries: [Entry] = [
        Entry(name: "fedavg") { _ in FedAvg() },
        Entry(name: "ffa-lora") { _ in FFALoRA() },
        Entry(name: "flexlora", modes: [.delta, .state], keys: ["route"]) { FlexLoRA(mode: $0.mode ?? .delta) },
        Entry(name: "hetlora", keys: ["gamma", "lambda", "minimum_rank"]) { settings in
            HetLoRA(
                pruning: RankPruning(
                    gamma: settings.gamma ?? 0.99,
                    penalty: settings.lambda ?? 1e-3,
                    minimumRank: settings.minimumRank ?? 1
                )
            )
        },
        Entry(name: "flora") { _ in FLoRA() },
        Entry(name: "fedex-lora") { _ in FedExLoRA() },
        Entry(name: "fedsa-lora") { _ in FedSALoRA() },
        Entry(name: "rolora") { _ in RoLoRA() },
        Entry(name: "fedsvd") { _ in FedSVD() },
        Entry(name: "lora-fair", keys: ["lambda"]) { LoRAFAIR(penalty: $0.lambda ?? 0.01) },
        Entry(name: "rbla") { _ in RBLA() },
        Entry(name: "raflora", keys: ["route"]) { _ in RaFLoRA() },
        Entry(name: "fed-sb") { _ in FedSB() },
    ]

    /// The names of all strategies.
    package static var names: [String] { entries.map(\.name) }

    /// What each strategy needs and promises, in the order of ``names``.
    package static var profiles: [StrategyProfile] {
        entries.map { $0.make(StrategySettings(name: $0.name)).profile }
    }

    /// Returns the modes of the strategy called `name`, its default first.
    ///
    /// - Throws: ``AggregationError/unknownStrategy(_:known:)``.
    package static func modes(of name: String) throws(AggregationError) -> [AggregationMode] {
        try entry(named: name).modes
    }

    /// Returns the strategy that `settings` describe.
    ///
    /// - Throws: ``AggregationError/unknownStrategy(_:known:)``, ``AggregationError/unknownMode(_:strategy:known:)``, and
    ///   ``AggregationError/unsuitableSetting(key:problem:remedy:)`` for a value out of range or one that means nothing to
    ///   the strategy.
    package static func strategy(_ settings: StrategySettings) throws(AggregationError) -> any AggregationStrategy {
        let entry = try entry(named: settings.name)
        if let mode = settings.mode, !entry.modes.contains(mode) {
            throw .unknownMode(mode.rawValue, strategy: entry.name, known: entry.modes.map(\.rawValue))
        }
        for (key, isInRange, needed) in settings.given {
            guard entry.keys.contains(key) else {
                throw .unsuitableSetting(
                    key: "strategy.\(key)",
                    problem: "has no effect with `name: \(entry.name)`",
                    remedy: "Remove it."
                )
            }
            guard isInRange else {
                throw .unsuitableSetting(
                    key: "strategy.\(key)",
                    problem: "is out of range",
                    remedy: "Write \(needed)."
                )
            }
        }
        return entry.make(settings)
    }

    /// Returns the strategy called `name`.
    ///
    /// - Parameters:
    ///   - name: As in a job's `strategy.name`.
    ///   - mode: As in a job's `strategy.mode`; `nil` for the strategy's default.
    /// - Returns: The strategy.
    /// - Throws: As ``strategy(_:)``.
    package static func strategy(
        named name: String,
        mode: String? = nil
    ) throws(AggregationError) -> any AggregationStrategy {
        let known = try modes(of: name)
        guard let mode else { return try strategy(StrategySettings(name: name)) }
        guard let mode = AggregationMode(rawValue: mode) else {
            throw .unknownMode(mode, strategy: name, known: known.map(\.rawValue))
        }
        return try strategy(StrategySettings(name: name, mode: mode))
    }

    private static func entry(named name: String) throws(AggregationError) -> Entry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .unknownStrategy(name, known: names)
        }
        return entry
    }
}

extension StrategySettings {
    /// The values that the job gives, whether they are in their range, and what the range is.
    fileprivate var given: [(key: String, isInRange: Bool, needed: String)] {
        var given: [(key: String, isInRange: Bool, needed: String)] = []
        if let lambda { given.append(("lambda", (0...1e6).contains(lambda), "a number from 0 to 1000000")) }
        if let gamma { given.append(("gamma", gamma > 0 && gamma <= 1, "a number above 0 and at most 1")) }
        if route != nil { given.append(("route", true, "a route")) }
        if let minimumRank {
            given.append(("minimum_rank", 1...4096 ~= minimumRank, "a whole number from 1 to 4096"))
        }
        return given
    }
}
