package import Adapters

/// Why updates could not be combined, or an adapter could not be handed out.
package enum AggregationError: Error, Equatable {
    /// No update with a positive weight was given.
    case nothingToAggregate
    /// A weight is negative, infinite or not a number.
    case invalidWeight(client: ClientID, weight: Double)
    /// A value is infinite or not a number.
    case notFinite(client: ClientID, tensor: String)
    /// A tensor is missing, or is one that the global adapter does not have.
    case unexpectedTensors(client: ClientID, missing: [String], unknown: [String])
    /// A tensor has another shape than the global adapter's.
    case shapeMismatch(client: ClientID, tensor: String, expected: [Int], found: [Int])
    /// The strategy needs equal ranks and this client's differs.
    case rankMismatch(client: ClientID, module: String, expected: Int, found: Int)
    /// A client's rank is none that the global adapter could have been cut to.
    case rankOutOfRange(client: ClientID, module: String, largest: Int, found: Int)
    /// A factor that the strategy keeps frozen is not the one that was handed out.
    case frozenFactorDiffers(client: ClientID, tensor: String)
    /// An update has a core where the global adapter has none, or none where it has one.
    case unexpectedCore(client: ClientID, tensor: String, isMissing: Bool)
    /// An adapter of another kind than LoRA, and the strategy computes with LoRA's factors.
    case noFactors(client: ClientID, kind: AdapterKind, strategy: String)
    /// A key of the configuration, or a tensor that nobody trains, gives this client's tensors another meaning.
    case differentMeaning(client: ClientID, of: String)
    /// α does not give a usable scale: it is zero where that is divided by, infinite or not a number.
    case invalidScaling(module: String, alpha: Double)
    /// A rank that the strategy does not hand out.
    case invalidRank(Int, offered: ClosedRange<Int>)
    /// A factorization failed, or its result does not fit in 32-bit floats.
    case factorizationFailed(module: String, reason: String)
    /// No strategy has this name.
    case unknownStrategy(String, known: [String])
    /// The strategy has no such mode.
    case unknownMode(String, strategy: String, known: [String])
    /// No robust rule has this name.
    case unknownRobustRule(String, known: [String])
    /// No server optimizer has this name.
    case unknownServerOptimizer(String, known: [String])
    /// A value that a job gives, or leaves out, does not go with the rest of it; `key` is its path in the file.
    case unsuitableSetting(key: String, problem: String, remedy: String)
    /// A robust rule promises nothing about so few updates.
    case tooFewUpdates(rule: String, needed: Int, found: Int)
    /// A server optimizer's step leaves the range of 32-bit floats.
    case stepNotFinite(tensor: String)
}

extension AggregationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nothingToAggregate:
            "There is nothing to aggregate: no update has a weight above 0. Give at least one adapter a positive weight."
        case .invalidWeight(let client, let weight):
            "The weight of '\(client)' is \(weight). Weights are finite numbers of at least 0."
        case .notFinite(let client, let tensor):
            "'\(tensor)' of '\(client)' holds NaN or infinite values. Train that adapter again, with a lower learning rate."
        case .unexpectedTensors(let client, let missing, let unknown):
            """
            The adapter of '\(client)' does not fit the others: missing \(missing), unknown \(unknown). \
            Use the same `target_modules` and `modules_to_save` everywhere.
            """
        case .shapeMismatch(let client, let tensor, let expected, let found):
            """
            '\(tensor)' of '\(client)' has shape \(found) but \(expected) is needed. \
            Check that every adapter was trained on the same base model.
            """
        case .rankMismatch(let client, let module, let expected, let found):
            """
            '\(module)' of '\(client)' has rank \(found) but this strategy needs \(expected) everywhere. \
            Use equal ranks, or a strategy for mixed ranks such as flexlora.
            """
        case .rankOutOfRange(let client, let module, let largest, let found):
            """
            '\(module)' of '\(client)' has rank \(found) but the global adapter has rank \(largest). \
            Train at ranks from 1 to \(largest), or start from a global adapter of a higher rank.
            """
        case .frozenFactorDiffers(let client, let tensor):
            """
            '\(tensor)' of '\(client)' differs from the one that was handed out, but this strategy keeps it frozen. \
            Train the other factor alone, or use a strategy that averages both.
            """
        case .unexpectedCore(let client, let tensor, let isMissing):
            isMissing
                ? "The adapter of '\(client)' lacks '\(tensor)'. Train it from the adapter that was handed out."
                : "The adapter of '\(client)' has a '\(tensor)' that the others lack. Use adapters of one kind."
        case .noFactors(let client, let kind, let strategy):
            """
            '\(client)' is an adapter of the kind \(kind.rawValue), and \(strategy) computes with the factors of LoRA, which it \
            has not. Use fedavg, which averages tensors by name.
            """
        case .differentMeaning(let client, let name):
            """
            '\(client)' has another '\(name)' than the first adapter, so that its tensors mean something else. \
            Train all of them from one initial adapter.
            """
        case .invalidScaling(let module, let alpha):
            "'\(module)' has an alpha of \(alpha), which gives no usable scale. Set `lora_alpha` to a finite number above 0."
        case .invalidRank(let rank, let offered):
            """
            Rank \(rank) cannot be handed out. Use rank \
            \(offered.count == 1 ? "\(offered.lowerBound)" : "\(offered.lowerBound) to \(offered.upperBound)").
            """
        case .factorizationFailed(let module, let reason):
            "The factorization of '\(module)' failed: \(reason) Check the updates for extreme values."
        case .unknownStrategy(let name, let known):
            "'\(name)' is no strategy. Use one of \(known.joined(separator: ", "))."
        case .unknownMode(let mode, let strategy, let known):
            if known.isEmpty {
                "\(strategy) has no modes, so '\(mode)' means nothing to it. Leave `mode` out."
            } else {
                "'\(mode)' is no mode of \(strategy). Use one of \(known.joined(separator: ", "))."
            }
        case .unknownRobustRule(let name, let known):
            "'\(name)' is no robust rule. Use one of \(known.joined(separator: ", "))."
        case .unknownServerOptimizer(let name, let known):
            "'\(name)' is no server optimizer. Use one of \(known.joined(separator: ", "))."
        case .unsuitableSetting(let key, let problem, let remedy):
            "`\(key)` \(problem). \(remedy)"
        case .tooFewUpdates(let rule, let needed, let found):
            """
            \(rule) needs \(needed) updates with a weight above 0 for what it promises, and got \(found). \
            Wait for more clients, or change `robust` so that it needs fewer.
            """
        case .stepNotFinite(let tensor):
            """
            The server optimizer's step takes '\(tensor)' out of the range of 32-bit floats. \
            Lower `server_optimizer.learning_rate`.
            """
        }
    }
}
