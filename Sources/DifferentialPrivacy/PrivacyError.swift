/// Why a mechanism or an accountant cannot do what it is asked for.
package enum PrivacyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A parameter is outside its range.
    case parameter(name: String, value: Double, range: String)
    /// An accountant cannot vouch for how participants are chosen.
    case sampling(accountant: String, reason: String)

    package var description: String {
        switch self {
        case .parameter(let name, let value, let range):
            "`\(name)` is \(value), which is not in its range. Write \(range)."
        case .sampling(let accountant, let reason):
            "The accountant `\(accountant)` cannot vouch for this: \(reason)"
        }
    }
}
