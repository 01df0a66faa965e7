import Coordinator
import Foundation
import Terminal

/// What goes to standard output.
enum Printed {
    /// Prints a value as JSON.
    static func json(_ value: some Encodable) throws {
        print(String(decoding: try AdminCoding.encode(value), as: UTF8.self))
    }

    /// Prints a listing with its titles; after the first `texts` columns come figures, which keep to the right.
    static func table(_ titles: [String], _ rows: [[String]], texts: Int = .max) {
        TextTable(titles, fitting: rows, texts: texts).write(rows)
    }

    /// A moment as people read it, in UTC.
    static func date(_ date: Date?) -> String {
        date.map { $0.formatted(.iso8601) } ?? "–"
    }

    /// Bytes in decimal units, as disks and networks count.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var (value, unit) = (Double(count), 0)
        while value >= 999.5, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : String(format: value < 10 ? "%.1f %@" : "%.0f %@", value, units[unit])
    }

    /// A number in as few digits as tell it.
    static func short(_ number: Double) -> String { String(format: "%.6g", number) }

    /// Four digits of which the last is rounded up, so that a bound stays one.
    static func upperBound(_ number: Double?) -> String {
        guard let number, number.isFinite else { return number == nil ? "–" : "none" }
        guard number > 0 else { return "0" }
        let scale = pow(10, 3 - log10(number).rounded(.down))
        // What differs from a round number by rounding alone is one.
        return String(format: "%.4g", (number * scale * (1 - 1e-12)).rounded(.up) / scale)
    }

    /// A measured number in four digits.
    static func significant(_ number: Double?) -> String { number.map { String(format: "%.4g", $0) } ?? "–" }

    static func percent(_ fraction: Double?) -> String {
        fraction.map { String(format: "%.1f %%", 100 * $0) } ?? "–"
    }

    static func decimal(_ number: Double?, _ digits: Int) -> String {
        number.map { String(format: "%.\(digits)f", $0) } ?? "–"
    }
}
