private import Foundation

/// How many tokens a language model hesitates between.
enum Perplexity {
    /// Returns e to the mean loss over all tokens.
    static func of(_ loss: Double) -> Double { exp(loss) }
}
