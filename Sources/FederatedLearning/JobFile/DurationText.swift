/// Durations as people write them in a job: `90s`, `10m`, `1h30m`, `2d`.
package enum DurationText {
    private static let units: [(letter: Character, seconds: Int64)] = [
        ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1),
    ]

    /// Reads whole numbers, each followed by its unit, from the largest unit to the smallest.
    ///
    /// - Returns: `nil` when `text` is of another form or exceeds 10,000 days.
    package static func parse(_ text: some StringProtocol) -> Duration? {
        var total: Int64 = 0
        var digits = ""
        var allowed = units[...]
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let index = allowed.firstIndex(where: { $0.letter == character }), digits.count <= 9,
                let count = Int64(digits)
            else { return nil }
            // At most 10⁹ × 86,400: far from overflowing.
            total += count * units[index].seconds
            allowed = units[(index + 1)...]
            digits = ""
        }
        guard digits.isEmpty, !text.isEmpty, total <= 10_000 * 86_400 else { return nil }
        return .seconds(total)
    }

    /// Returns the shortest text that reads as `duration`, which is rounded down to whole seconds.
    package static func format(_ duration: Duration) -> String {
        var rest = max(0, duration.components.seconds)
        var text = ""
        for unit in units where rest >= unit.seconds {
            text += "\(rest / unit.seconds)\(unit.letter)"
            rest %= unit.seconds
        }
        return text.isEmpty ? "0s" : text
    }
}
