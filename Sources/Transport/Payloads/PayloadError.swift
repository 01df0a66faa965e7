package import WireProtocol

/// Why a payload was not stored or could not be read.
package enum PayloadError: Error, Sendable, Equatable {
    case missing(PayloadDigest)
    /// The bytes are not those that the digest names; nothing is kept of them.
    case wrongDigest(expected: PayloadDigest, found: PayloadDigest)
    case tooLarge(byteCount: UInt64, limit: UInt64)
    case empty
    /// A chunk that is not the next one.
    case outOfOrder(expected: UInt64, found: UInt64)
    case beyondEnd(byteCount: UInt64)
    case incomplete(offset: UInt64, byteCount: UInt64)
    case beyondStored(offset: UInt64, byteCount: UInt64)
    /// Somebody else began to receive the same payload from the same sender; this receiver is retired.
    case superseded(PayloadDigest)
    /// The sender's name cannot be part of a file name.
    case invalidSender(String)
    case file(FileError)
}

extension PayloadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let digest):
            "Payload \(digest) is not in the store. It was never received, or it was removed; fetch it again."
        case .wrongDigest(let expected, let found):
            "A payload announced as \(expected) has the digest \(found). It was discarded; send it again from the beginning."
        case .tooLarge(let byteCount, let limit):
            "A payload of \(byteCount) bytes exceeds the limit of \(limit). Lower the adapter's rank, or raise `payload_mebibytes`."
        case .empty:
            "A payload without bytes cannot be stored. Check what produced it."
        case .outOfOrder(let expected, let found):
            "Bytes for offset \(found) arrived where \(expected) follows. Ask for the payload again from \(expected)."
        case .beyondEnd(let byteCount):
            "More bytes arrived than the \(byteCount) that were announced. The sender has to announce the true length."
        case .incomplete(let offset, let byteCount):
            "Only \(offset) of \(byteCount) bytes have arrived. Ask for the rest from offset \(offset)."
        case .beyondStored(let offset, let byteCount):
            "Offset \(offset) lies beyond a payload of \(byteCount) bytes. Ask from an offset inside it."
        case .superseded(let digest):
            "Payload \(digest) is being received by a newer transfer. Leave it to that one."
        case .invalidSender(let name):
            "'\(name)' cannot be a sender's name. Use 1 to 64 of a–z, 0–9, '-', '.' and '_'."
        case .file(let error):
            error.description
        }
    }
}
