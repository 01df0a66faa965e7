/// Texts and figures that come from the other side, made fit to be stored, logged and shown.
package enum PeerText {
    /// Returns `text` on one line and at most 300 characters long.
    package static func sentence(_ text: String) -> String {
        let start = line(String(text.unicodeScalars.prefix(1200)))
        return start.count > 300 ? start.prefix(299) + "…" : start
    }

    /// Returns `text` on one line, whole: for messages of this side that quote the other one.
    package static func line(_ text: String) -> String {
        String(text.unicodeScalars.map { isPlain($0) ? Character($0) : " " })
    }

    /// Returns the figures that can be kept: finite, with a short plain name, the first 64 by name.
    package static func figures(_ figures: [String: Double]) -> [String: Double] {
        let kept = figures.filter { name, value in
            value.isFinite && (1...64).contains(name.utf8.count)
                && name.utf8.allSatisfy { byte in
                    (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                        || [45, 46, 47, 95].contains(byte)
                }
        }
        return Dictionary(uniqueKeysWithValues: kept.sorted { $0.key < $1.key }.prefix(64).map { ($0.key, $0.value) })
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
