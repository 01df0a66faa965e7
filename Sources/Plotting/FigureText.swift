private import Foundation

/// Numbers as people read them in a report.
package enum FigureText {
    /// What a number counts.
    package enum Unit: Sendable, Hashable {
        case plain, share, bytes, seconds
    }

    /// Returns a short text of `value`, such as `52.5 %`, `1.4 GB` or `2.5 h`.
    package static func of(_ value: Double, _ unit: Unit) -> String {
        guard value.isFinite else { return "–" }
        switch unit {
        case .plain: return plain(value)
        case .share: return "\(trimmed(value * 100, decimals: 1)) %"
        case .bytes: return scaled(value, by: 1000, units: ["B", "kB", "MB", "GB", "TB"])
        case .seconds: return duration(value)
        }
    }

    private static func plain(_ value: Double) -> String {
        let magnitude = abs(value)
        if magnitude == 0 { return "0" }
        if magnitude >= 1e6 { return scaled(value, by: 1000, units: ["", "k", "M", "G", "T"]) }
        if magnitude >= 100 { return trimmed(value, decimals: 0) }
        if magnitude >= 1 { return trimmed(value, decimals: 2) }
        if magnitude >= 1e-3 { return trimmed(value, decimals: 4) }
        return String(format: "%.0e", value)
    }

    private static func duration(_ seconds: Double) -> String {
        switch abs(seconds) {
        case 0: "0"
        case ..<1: "\(trimmed(seconds * 1000, decimals: 0)) ms"
        case ..<120: "\(trimmed(seconds, decimals: 1)) s"
        case ..<7200: "\(trimmed(seconds / 60, decimals: 1)) min"
        case ..<172_800: "\(trimmed(seconds / 3600, decimals: 1)) h"
        default: "\(trimmed(seconds / 86_400, decimals: 1)) d"
        }
    }

    private static func scaled(_ value: Double, by base: Double, units: [String]) -> String {
        var value = value
        var place = 0
        while abs(value) >= base, place < units.count - 1 {
            value /= base
            place += 1
        }
        return "\(trimmed(value, decimals: abs(value) < 10 && place > 0 ? 1 : 0)) \(units[place])"
            .trimmingCharacters(in: .whitespaces)
    }

    /// A fixed number of decimals, without zeros at the end.
    private static func trimmed(_ value: Double, decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", value)
        guard decimals > 0 else { return text }
        let digits = text.reversed().drop { $0 == "0" }
        return String((digits.first == "." ? digits.dropFirst() : digits).reversed())
    }
}
