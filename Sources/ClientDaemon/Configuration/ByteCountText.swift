/// Amounts of memory as people write them: `512MiB`, `16GiB`.
package enum ByteCountText {
    private static let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]

    /// Reads a whole number above 0 and its unit, with or without a blank between them.
    ///
    /// - Returns: The bytes; `nil` when `text` is of another form, or above 1,000 TiB.
    package static func parse(_ text: String) -> Int? {
        guard let unit = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        var digits = text.dropLast(unit.0.count)
        if digits.last == " " { digits.removeLast() }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(digits), count > 0
        else { return nil }
        let (bytes, overflows) = count.multipliedReportingOverflow(by: unit.1)
        return overflows || bytes > 1000 << 40 ? nil : bytes
    }

    /// Returns the amount in the largest unit of which there is at least one, rounded to a tenth.
    package static func format(_ bytes: Int) -> String {
        guard let unit = units.last(where: { bytes >= $0.1 }) else { return "\(bytes) B" }
        let tenths = (Double(bytes) / Double(unit.1) * 10).rounded() / 10
        let whole = Int(tenths)
        return Double(whole) == tenths ? "\(whole) \(unit.0)" : "\(tenths) \(unit.0)"
    }
}
