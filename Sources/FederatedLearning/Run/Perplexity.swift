private import Foundation

/// How many tokens a language model hesitates between.
package enum Perplexity {
    /// Returns e to the mean loss over all tokens.
    package static func of(_ loss: Double) -> Double { exp(loss) }
}
