/// Why updates could not be combined.
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
    /// A rank outside what can be handed out.
    case invalidRank(Int, largest: Int)
    /// A factorization did not converge.
    case factorizationFailed(module: String, reason: String)
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
        case .invalidRank(let rank, let largest):
            "Rank \(rank) cannot be handed out. Use a rank from 1 to \(largest)."
        case .factorizationFailed(let module, let reason):
            "The factorization of '\(module)' failed: \(reason). Check the updates for extreme values."
        }
    }
}
