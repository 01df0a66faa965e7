/// The members of a JSON object, in their order; names are unique.
package struct JSONObject: Sendable, Equatable {
    package private(set) var names: [String] = []
    private var values: [String: JSONValue] = [:]

    package init() {}

    package var isEmpty: Bool { names.isEmpty }

    /// The members in their order.
    package var members: [(name: String, value: JSONValue)] {
        names.compactMap { name in values[name].map { (name, $0) } }
    }

    package subscript(name: String) -> JSONValue? {
        get { values[name] }
        set {
            switch (values[name] != nil, newValue != nil) {
            case (false, true): names.append(name)
            case (true, false): names.removeAll { $0 == name }
            default: break
            }
            values[name] = newValue
        }
    }
}
