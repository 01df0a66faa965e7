/// Why adapters could not be measured, compared or merged.
package enum AdapterToolsError: Error, Equatable {
    /// A layer of which no singular values can be computed.
    case factorizationFailed(layer: String, reason: String)
    /// Factors of different ranks where a method adds them up.
    case differentRanks(layer: String, ranks: [Int], method: AdapterMerge.Method)
    /// A rank that a layer does not have.
    case invalidRank(Int, layer: String, offered: ClosedRange<Int>)
    /// Layers or tensors of different shapes.
    case differentShapes(name: String, [Int], [Int])
    /// Adapters without a layer in common.
    case nothingInCommon
    /// Something in an adapter that cannot be added up; `advice` is a sentence.
    case notLinear(feature: String, adapter: String, advice: String)
    case invalidDensity(Double)
    /// Weights of which no mean can be taken.
    case invalidWeights(reason: String)
}

extension AdapterToolsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .factorizationFailed(let layer, let reason):
            "The singular values of '\(layer)' cannot be computed: \(reason). Check the adapter for NaN and huge values."
        case .differentRanks(let layer, let ranks, let method):
            """
            '\(layer)' has the ranks \(ranks.map(String.init).joined(separator: ", ")), and the method \(method.rawValue) \
            adds factors of one rank. Use svd or cat.
            """
        case .invalidRank(let rank, let layer, let offered):
            "Rank \(rank) is not possible for '\(layer)'. Write \(offered.lowerBound) to \(offered.upperBound)."
        case .differentShapes(let name, let left, let right):
            "'\(name)' has the shape \(left) in one adapter and \(right) in another. Use adapters of one base model."
        case .nothingInCommon:
            "The adapters have no layer in common. Use adapters of one base model, with the same `target_modules`."
        case .notLinear(let feature, let adapter, let advice):
            "'\(adapter)' has \(feature), which cannot be added up. \(advice)"
        case .invalidDensity(let density):
            "A density of \(density) is not possible. Write a number above 0 and at most 1."
        case .invalidWeights(let reason):
            "The weights cannot be used: \(reason). Give finite numbers whose sum is not 0."
        }
    }
}
