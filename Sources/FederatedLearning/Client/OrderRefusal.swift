/// Why a client will not do what it was ordered to; each case becomes the sentence that the server reads.
package enum OrderRefusal: Error, Hashable {
    /// The silo's base model is another one than the job's.
    case model(name: String, expected: ContentDigest, found: ContentDigest)
    case task(JobConfiguration.Task)
    /// The order asks for more than the silo is willing to train.
    case rank(Int, largest: Int)
    /// The order contradicts itself.
    case order(reason: String)
    /// The adapter is not the one that the order describes.
    case adapter(reason: String)
    /// The silo's own ledger does not cover the order.
    case privacy(reason: String)
}

extension OrderRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .model(let name, let expected, let found):
            """
            The base model '\(name)' has the SHA-256 \(found) here, but the job was made for \(expected). Give this client \
            the model that the server uses.
            """
        case .task(let task):
            "This client cannot train `\(task.rawValue)`. Use a client whose trainer offers that task."
        case .rank(let rank, let largest):
            "The order asks for rank \(rank), but this client trains at most rank \(largest). Raise its `max_rank`."
        case .order(let reason):
            "The order does not fit its job: \(reason)"
        case .adapter(let reason):
            "The adapter does not fit its order: \(reason)"
        case .privacy(let reason):
            "This silo's privacy is at stake: \(reason)"
        }
    }
}
