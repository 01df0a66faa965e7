/// How many clients' mini-batches go through the base model together.
///
/// Fusing pays where steps are small: each pass reads all weights once, whether it has sixteen rows or hundreds. It never
/// changes a result.
package enum FusingPolicy: Sendable, Hashable {
    /// As many clients as it takes to keep the processor busy with arithmetic instead of memory.
    case automatic
    /// So many clients, as long as there are that many.
    case clients(Int)
    /// Each client by itself.
    case never

    /// How many tokens a pass should have: more of them bring little and outgrow the cache.
    static let tokensPerPass = 256

    /// Returns whether another client joins those that a thread works on.
    ///
    /// - Parameters:
    ///   - count: How many there are.
    ///   - tokens: How many tokens their steps have together, on average.
    /// - Returns: `false` when what there is fills a pass.
    func takesMore(than count: Int, tokens: Double) -> Bool {
        if count == 0 { return true }
        return switch self {
        case .automatic: tokens <= 0.75 * Double(Self.tokensPerPass)
        case .clients(let limit): count < limit
        case .never: false
        }
    }
}
