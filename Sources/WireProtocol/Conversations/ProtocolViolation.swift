/// Something that the other side must not do.
///
/// The connection is closed after any of these; ``goodbye`` is the last message on it.
package enum ProtocolViolation: Error, Sendable, Equatable {
    /// A control message of no kind that this version knows.
    case unknownMessage
    /// A message that the other side never sends, or not at this point of the conversation.
    case outOfTurn(message: String, state: String)
    case unsupportedVersion(UInt32)
    /// A field with a value that no message may carry.
    case malformed(message: String, field: String, reason: String)
    /// More messages than the budget allows.
    case flood(perSecond: Int)
    /// A reply to something that was not asked.
    case unexpectedReply(message: String)
    /// A chunk of a payload that was not asked for.
    case unexpectedChunk(PayloadDigest)
    case chunkOutOfOrder(expected: UInt64, found: UInt64)
    case chunkBeyondEnd(end: UInt64, byteCount: UInt64)
    case chunkTooSmall(byteCount: Int, minimum: Int)
    case payloadTooLarge(byteCount: UInt64, limit: UInt64)
    case offsetBeyondEnd(offset: UInt64, byteCount: UInt64)
    case tooManyFetches(limit: Int)
    /// Nothing came in time.
    case expired(Expiry)

    /// What did not come.
    package enum Expiry: Sendable, Equatable {
        case greeting(after: Duration)
        case silence(after: Duration)
        case transfer(after: Duration)
    }
}

extension ProtocolViolation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownMessage:
            "A message of unknown kind arrived. The peer may be newer than this side; update this side."
        case .outOfTurn(let message, let state):
            "\(message) arrived while \(state). The peer does not follow the conversation in protocol/README.md."
        case .unsupportedVersion(let version):
            "The peer speaks version \(version) of the protocol, this side version \(ProtocolVersion.current). "
                + "Install the same release on both."
        case .malformed(let message, let field, let reason):
            "\(message).\(field) \(reason). The peer does not follow protocol/control.proto."
        case .flood(let perSecond):
            "More than \(perSecond) messages a second arrived. The peer has to send fewer."
        case .unexpectedReply(let message):
            "\(message) answers nothing that was asked on this connection. The peer's state is confused; it has to reconnect."
        case .unexpectedChunk(let digest):
            "A chunk of payload \(digest) arrived, which nobody asked for. The peer has to wait for the request."
        case .chunkOutOfOrder(let expected, let found):
            "A chunk begins at offset \(found) where \(expected) follows. Chunks have to come in order, without gaps."
        case .chunkBeyondEnd(let end, let byteCount):
            "A chunk ends at offset \(end) of a payload of \(byteCount) bytes. The peer announced another length."
        case .chunkTooSmall(let byteCount, let minimum):
            "A chunk carries \(byteCount) bytes; all but a payload's last carry at least \(minimum)."
        case .payloadTooLarge(let byteCount, let limit):
            "A payload of \(byteCount) bytes exceeds the limit of \(limit). Lower the rank, or raise `payload_mebibytes`."
        case .offsetBeyondEnd(let offset, let byteCount):
            "Offset \(offset) is not inside a payload of \(byteCount) bytes. The peer's state is confused; it has to reconnect."
        case .tooManyFetches(let limit):
            "More than \(limit) payloads were asked for at once. The peer has to wait for one to arrive."
        case .expired(.greeting(let patience)):
            "The peer did not introduce itself within \(patience). Check that it speaks this protocol."
        case .expired(.silence(let patience)):
            "The peer was silent for \(patience). It may be gone; it can connect again at any time."
        case .expired(.transfer(let patience)):
            "A transfer stood still for \(patience). It resumes where it stopped when the peer connects again."
        }
    }

    /// The message with which to close the connection.
    package var goodbye: Tributary_V1_Goodbye {
        var goodbye = Tributary_V1_Goodbye()
        goodbye.reason = description
        goodbye.code =
            switch self {
            case .unsupportedVersion: .versionUnsupported
            case .payloadTooLarge: .tooLarge
            case .expired: .idle
            default: .protocolError
            }
        return goodbye
    }
}
