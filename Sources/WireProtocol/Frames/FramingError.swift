/// Bytes that are not a frame.
///
/// After any of these the position in the stream is lost: the connection has to be closed.
package enum FramingError: Error, Sendable, Equatable {
    /// A frame without a kind, a control frame without a message, or a chunk without a payload byte.
    case empty
    case unknownKind(UInt8)
    /// The length word claims more than the limit for this kind of frame.
    case tooLong(length: UInt64, limit: Int)
    /// A chunk frame where none may come.
    case chunksNotAllowed
    /// A chunk frame too short for its own header.
    case truncatedChunk(length: Int)
    /// A chunk whose offset and length together exceed 64 bits.
    case offsetOverflow(offset: UInt64, byteCount: Int)
    /// The body of a control frame is not a serialized `Control`.
    case undecodableControl
    /// More messages came than anybody has to say; those after them are not even decoded.
    case flood(perSecond: Int)
    /// The stream ended inside a frame.
    case endedInsideFrame(missingAtLeast: Int)
}

extension FramingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty:
            "A frame without content arrived. The peer does not follow protocol/README.md; check its version."
        case .unknownKind(let kind):
            "A frame of unknown kind \(kind) arrived. The peer may be newer than this side; update this side."
        case .tooLong(let length, let limit):
            "A frame claims \(length) bytes where at most \(limit) are taken. Send payloads as chunks of the announced size."
        case .chunksNotAllowed:
            "A chunk frame arrived on a connection that carries no payloads. Connect to the federation's port instead."
        case .truncatedChunk(let length):
            "A chunk frame of \(length) bytes is too short for its digest and offset. The peer's framing is broken."
        case .offsetOverflow(let offset, let byteCount):
            "A chunk of \(byteCount) bytes at offset \(offset) ends beyond 64 bits. The peer's framing is broken."
        case .undecodableControl:
            "A control frame is not a message of protocol/control.proto. The peer's encoding is broken."
        case .flood(let perSecond):
            "More than \(perSecond) messages a second arrived. The peer has to send fewer."
        case .endedInsideFrame(let missing):
            "The connection ended inside a frame; at least \(missing) bytes are missing. Connect again to resume."
        }
    }
}
