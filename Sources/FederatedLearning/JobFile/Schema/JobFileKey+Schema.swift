/// A key that says what its value may be.
package protocol DescribedKey: JobFileKey {
    /// What the reader takes, as far as one value can be judged alone.
    var schema: ValueSchema { get }
    /// Whether the section is refused without the key.
    var isRequired: Bool { get }
}

extension DescribedKey {
    /// The mapping of all keys, each with its example.
    package static var section: ValueSchema {
        .section(
            allCases.map { key in (key.rawValue, key.schema.described("For example: \(key.rawValue): \(key.example)"))
            },
            required: allCases.filter(\.isRequired).map(\.rawValue)
        )
    }
}
