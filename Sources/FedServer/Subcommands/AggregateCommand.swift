import Adapters
import Aggregation
import ArgumentParser
import Foundation
import LinearAlgebra
import Terminal

/// `fed-server aggregate`: combines PEFT directories offline, by the strategies that rounds use.
struct AggregateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Combine PEFT adapters offline, without a server.",
        discussion: """
            Reads adapters as `save_pretrained` of peft writes them and writes the combined adapter as one that peft \
            loads. The strategies are those of jobs, and give the same bytes for the same adapters in any order. Adapters of \
            other kinds than LoRA (VeRA, FourierFT, IA3, TinyLoRA, LoRA-XS, prompt tuning) are averaged by fedavg.

            Strategies: \(StrategyRegistry.names.joined(separator: ", ")).
            """
    )

    @Option(help: "How to combine.")
    var strategy: String

    @Option(
        help: """
            What to combine: state, what the adapters are, or delta, what they changed against --global. By default \
            delta where --global is given.
            """
    )
    var mode: AggregationMode?

    @Option(help: "The PEFT directory that the adapters were trained from.", completion: .directory)
    var global: String?

    @Option(
        name: .customLong("rank"),
        help: "A rank to write the result at, in OUT/rank-R. Repeat it for more. By default the largest, in OUT itself."
    )
    var ranks: [Int] = []

    @Option(help: "`lora_alpha` of the result. By default that of the adapter of the largest rank.")
    var alpha: Double?

    @Option(help: "The penalty of lora-fair's correction.")
    var lambda: Double?

    @Option(
        help: """
            How flexlora and raflora truncate products: \(FactoredSum.Route.allCases.map(\.rawValue).joined(separator: ", ")). \
            By default chosen by size.
            """
    )
    var route: FactoredSum.Route?

    @Option(
        name: .customLong("robust"),
        help: "What to do about wrong adapters: \(RobustRegistry.names.joined(separator: ", "))."
    )
    var rule = "none"

    @Option(help: "How many adapters may be anything, for krum, multi-krum and bulyan.")
    var byzantine: Int?

    @Option(help: "The share that trimmed-mean leaves out on either side (0.1).")
    var trim: Double?

    @Option(help: "The length to which norm-bound shortens changes. By default the median of their lengths.")
    var norm: Double?

    @Option(help: "How to step from --global: \(ServerOptimizerRegistry.names.joined(separator: ", ")).")
    var serverOptimizer = "none"

    @Option(help: "The learning rate of the server optimizer.")
    var learningRate: Double?

    @Flag(help: "Say on stderr how each layer was truncated.")
    var verbose = false

    @OptionGroup
    var combination: CombinationArguments

    func validate() throws {
        guard mode != .delta || global != nil else {
            throw ValidationError("--mode delta needs --global DIR, the adapter that the others were trained from.")
        }
        guard ranks.allSatisfy({ $0 >= 1 }), Set(ranks).count == ranks.count else {
            throw ValidationError("--rank takes whole numbers of at least 1, each once.")
        }
        if let alpha, !(alpha.isFinite && alpha > 0) {
            throw ValidationError("--alpha takes a finite number above 0.")
        }
    }

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let contributions = Self.contributions(from: try combination.weighted())
        let target = combination.target
        try AtomicDirectory.checkVacancy(of: target)
        let plan = try plan()
        var aggregation = OfflineAggregation(
            strategy: plan.strategy,
            contributions: contributions,
            alpha: alpha,
            robustRule: plan.robustRule,
            optimizer: plan.optimizer
        )
        aggregation.route = plan.route
        if verbose {
            aggregation.observeTruncation = { path, report in StandardError.write("\(path): \(report)") }
        }
        let global = try global.map { path in
            let url = URL(fileURLWithPath: path, isDirectory: true)
            return try PEFTDirectory(reading: url, kinds: Set(AdapterKind.allCases))
        }
        let outcome = try aggregation.outcome(atRanks: ranks, global: global)
        // The names of the directories inside the target; one result is the target itself.
        let names = ranks.map { "rank-\($0)" }
        try AtomicDirectory.create(at: target) { (folder) throws(AdapterError) in
            for (index, adapter) in outcome.adapters.enumerated() {
                if names.indices.contains(index) {
                    try adapter.write(to: folder.appendingPathComponent(names[index], isDirectory: true))
                } else {
                    try adapter.write(into: folder)
                }
            }
            try outcome.residual?.write(to: folder.appendingPathComponent(Self.residualName, isDirectory: true))
        }
        var written = names.isEmpty ? [target] : names.map(target.appendingPathComponent(_:))
        if outcome.residual != nil { written.append(target.appendingPathComponent(Self.residualName)) }
        for folder in written { print(folder.path) }
    }

    /// Where what belongs into the base model is written.
    private static let residualName = "residual"

    /// What was asked for, with the strategy in the mode that `--global` allows unless one is given.
    private func plan() throws -> AggregationPlan {
        let fallback: AggregationMode = global == nil ? .state : .delta
        let isOffered = try StrategyRegistry.modes(of: strategy).contains(fallback)
        return try AggregationPlan(
            strategy: StrategySettings(
                name: strategy,
                mode: mode ?? (isOffered ? fallback : nil),
                lambda: lambda,
                route: route
            ),
            robust: RobustSettings(rule: rule, byzantine: byzantine, trim: trim, norm: norm),
            optimizer: ServerOptimizerSettings(name: serverOptimizer, learningRate: learningRate)
        )
    }

    // MARK: - ADAPTER[=WEIGHT]

    private static func contributions(from adapters: [WeightedAdapter]) -> [OfflineAggregation.Contribution] {
        var counts: [String: Int] = [:]
        return adapters.map { adapter in
            // The same directory may be given twice; each counts, under a name of its own.
            let count = counts[adapter.path, default: 0] + 1
            counts[adapter.path] = count
            return OfflineAggregation.Contribution(
                client: ClientID(count == 1 ? adapter.path : "\(adapter.path) (\(count))"),
                weight: adapter.weight,
                directory: adapter.directory
            )
        }
    }
}

extension AggregationMode: ExpressibleByArgument {}

extension FactoredSum.Route: ExpressibleByArgument {}
