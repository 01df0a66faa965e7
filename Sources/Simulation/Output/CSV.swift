private import Foundation

/// Comma-separated values as RFC 4180 has them.
enum CSV {
    static func line(_ cells: [String]) -> String { cells.map(quoted).joined(separator: ",") + "\n" }

    static func text(_ number: Int?) -> String { number.map(String.init) ?? "" }

    /// Six digits, or nothing where there is no number.
    static func text(_ number: Double?) -> String {
        guard let number, number.isFinite else { return "" }
        return number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(format: "%.6g", number)
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: isSpecial) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"): true
        default: false
        }
    }
}
