private import Foundation

/// How ε is written: upper bounds are rounded up.
package enum PrivacyFigure {
    /// Three decimals, never less than `value`.
    package static func text(_ value: Double) -> String {
        guard value.isFinite else { return "∞" }
        return String(format: "%.3f", (value * 1000).rounded(.up) / 1000)
    }
}
