/// The members of a JSON object, in their order; names are unique.
///
/// Names differ when their code points do, as JSON has it. Swift's own strings would hold `Å` and the Ångström sign for
/// the same, and vocabularies have both.
package struct JSONObject: Sendable, Equatable {
    package private(set) var names: [String] = []
    private var values: [Name: JSONValue] = [:]

    package init() {}

    package var isEmpty: Bool { names.isEmpty }

    /// How many members there are.
    package var count: Int { names.count }

    /// The members in their order.
    package var members: [(name: String, value: JSONValue)] {
        names.compactMap { name in values[Name(name)].map { (name, $0) } }
    }

    package subscript(name: String) -> JSONValue? {
        get { values[Name(name)] }
        set {
            let key = Name(name)
            switch (values[key] != nil, newValue != nil) {
            case (false, true): names.append(name)
            case (true, false): names.removeAll { Name($0) == key }
            default: break
            }
            values[key] = newValue
        }
    }

    /// A text that is compared by its code points.
    private struct Name: Sendable, Hashable {
        let text: String

        init(_ text: String) { self.text = text }

        static func == (left: Name, right: Name) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

        func hash(into hasher: inout Hasher) {
            for byte in text.utf8 { hasher.combine(byte) }
            hasher.combine(0xFF as UInt8)
        }
    }
}
