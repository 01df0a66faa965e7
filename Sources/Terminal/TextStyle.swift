/// A way to make text stand out on a terminal.
package enum TextStyle: Int, Sendable, CaseIterable {
    case bold = 1
    case red = 31
    case green = 32
    case yellow = 33

    /// Returns `text` between the terminal's codes for the style and for its end.
    package func applied(to text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
}
