/// A silo's name, as its certificate states it.
///
/// Names sort by their UTF-8 bytes; that order is the one in which updates are combined.
package struct ClientID: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    /// Creates the identifier of the silo called `name`.
    package init(_ name: String) { self.rawValue = name }

    package var description: String { rawValue }

    package static func < (left: ClientID, right: ClientID) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
