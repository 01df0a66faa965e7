/// Why a mechanism or an accountant cannot do what it is asked for.
package enum PrivacyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A parameter is outside its range.
    case parameter(name: String, value: Double, range: String)
    /// An update has another number of parameters than the mechanism.
    case dimension(expected: Int, found: Int)
    /// An update has a number that is infinite or NaN.
    case notFinite
    /// An accountant cannot vouch for how participants are chosen.
    case sampling(accountant: String, reason: String)

    package var description: String {
        switch self {
        case .parameter(let name, let value, let range):
            "`\(name)` is \(value), which is not in its range. Write \(range)."
        case .dimension(let expected, let found):
            "An update has \(found) numbers where \(expected) are trained. Send the tensors that the job trains."
        case .notFinite:
            "An update has a number that is infinite or NaN. Leave it out; a lower `learning_rate` may prevent it."
        case .sampling(let accountant, let reason):
            "The accountant `\(accountant)` cannot vouch for this: \(reason)"
        }
    }
}
