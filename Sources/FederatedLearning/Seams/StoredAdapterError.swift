/// Why a stored payload cannot be read as the adapter it is named as.
///
/// These are facts about one payload, which a round can answer by rejecting an update; a failing disk is another error.
package enum StoredAdapterError: Error, Hashable {
    case missing(ContentDigest)
    /// The bytes no longer have the digest that names them.
    case damaged(ContentDigest)
    /// The bytes are those that were sent, and are not an adapter of the stated rank.
    case unreadable(ContentDigest, reason: String)
}

extension StoredAdapterError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let digest):
            """
            The payload \(digest) is not in the store. Put the file of that name from `payloads/blobs` of a backup in its \
            place, and start again.
            """
        case .damaged(let digest):
            """
            The payload \(digest) has changed on disk: its bytes no longer have that SHA-256. Check the disk, put the file of \
            that name from `payloads/blobs` of a backup in its place, and start again.
            """
        case .unreadable(_, let reason):
            "The payload is not the adapter it is said to be: \(reason)"
        }
    }
}
