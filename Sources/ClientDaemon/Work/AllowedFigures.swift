/// The figures that may leave the silo beside the tensors: finite numbers under plain names.
///
/// A trainer is free to measure what it likes, and a name is text: one that could carry a path, a host or a sentence is
/// left out.
package enum AllowedFigures {
    /// The most figures that one result carries.
    package static let maximumCount = 32

    /// Returns the figures of `metrics` that may be sent: names of up to 32 letters `a`–`z`, digits and `_`.
    package static func filter(_ metrics: [String: Double]) -> [String: Double] {
        let allowed = metrics.filter { name, value in
            value.isFinite && (1...32).contains(name.utf8.count) && name.utf8.allSatisfy(isPlain)
        }
        guard allowed.count > maximumCount else { return allowed }
        return Dictionary(uniqueKeysWithValues: allowed.sorted { $0.key < $1.key }.prefix(maximumCount).map { $0 })
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_")
    }
}
