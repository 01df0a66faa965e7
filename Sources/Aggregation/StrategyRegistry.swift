/// The strategies by the names that job files and command lines use.
///
/// A new strategy is one line in ``entries``.
package enum StrategyRegistry {
    private struct Entry: Sendable {
        let name: String
        /// The modes on offer, the default first; none where the strategy has no modes.
        var modes: [AggregationMode] = []
        let make: @Sendable (AggregationMode?) -> any AggregationStrategy
    }

    private static let entries: [Entry] = [
        Entry(name: "fedavg") { _ in FedAvg() },
        Entry(name: "ffa-lora") { _ in FFALoRA() },
        Entry(name: "flexlora", modes: [.delta, .state]) { FlexLoRA(mode: $0 ?? .delta) },
        Entry(name: "hetlora") { _ in HetLoRA() },
        Entry(name: "flora") { _ in FLoRA() },
        Entry(name: "fedex-lora") { _ in FedExLoRA() },
        Entry(name: "fedsa-lora") { _ in FedSALoRA() },
        Entry(name: "rolora") { _ in RoLoRA() },
        Entry(name: "fedsvd") { _ in FedSVD() },
        Entry(name: "lora-fair") { _ in LoRAFAIR() },
        Entry(name: "rbla") { _ in RBLA() },
        Entry(name: "raflora") { _ in RaFLoRA() },
        Entry(name: "fed-sb") { _ in FedSB() },
    ]

    /// The names of all strategies.
    package static var names: [String] { entries.map(\.name) }

    /// What each strategy needs and promises, in the order of ``names``.
    package static var profiles: [StrategyProfile] { entries.map { $0.make($0.modes.first).profile } }

    /// Returns the modes of the strategy called `name`, its default first.
    ///
    /// - Throws: ``AggregationError/unknownStrategy(_:known:)``.
    package static func modes(of name: String) throws(AggregationError) -> [AggregationMode] {
        try entry(named: name).modes
    }

    /// Returns the strategy called `name`.
    ///
    /// - Parameters:
    ///   - name: As in a job's `strategy.name`.
    ///   - mode: As in a job's `strategy.mode`; `nil` for the strategy's default.
    /// - Returns: The strategy.
    /// - Throws: ``AggregationError/unknownStrategy(_:known:)`` or ``AggregationError/unknownMode(_:strategy:known:)``.
    package static func strategy(
        named name: String,
        mode: String? = nil
    ) throws(AggregationError) -> any AggregationStrategy {
        let entry = try entry(named: name)
        guard let mode else { return entry.make(entry.modes.first) }
        guard let known = entry.modes.first(where: { $0.rawValue == mode }) else {
            throw .unknownMode(mode, strategy: name, known: entry.modes.map(\.rawValue))
        }
        return entry.make(known)
    }

    private static func entry(named name: String) throws(AggregationError) -> Entry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .unknownStrategy(name, known: names)
        }
        return entry
    }
}
