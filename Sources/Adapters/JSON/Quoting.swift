/// Returns a name from outside as a message can show it: in quotes, printable, and of bounded length.
func quoted(_ name: String, limit: Int = 120) -> String {
    var text = "'"
    for (index, scalar) in name.unicodeScalars.enumerated() {
        guard index < limit else {
            text += "…"
            break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
            text += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            text.unicodeScalars.append(scalar)
        }
    }
    return text + "'"
}

/// Returns up to five names from outside, quoted, and how many more there are.
func quoted(_ names: some Sequence<String>) -> String {
    let sorted = names.sorted()
    let shown = sorted.prefix(5).map { quoted($0) }.joined(separator: ", ")
    return sorted.count > 5 ? "\(shown) and \(sorted.count - 5) more" : shown
}
