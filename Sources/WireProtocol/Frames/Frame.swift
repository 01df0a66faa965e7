/// What travels on a connection: control messages, and pieces of payloads.
///
/// ```
///  0               4       5
/// +---------------+-------+------------------------
/// | length (u32)  | kind  | body: length − 1 bytes …
/// +---------------+-------+------------------------
/// ```
///
/// All integers are big-endian. The length counts the kind and the body, never itself.
package enum Frame: Sendable, Equatable {
    /// A message of `control.proto`; its body is the serialized `Control`.
    case control(Tributary_V1_Control)
    /// A piece of a payload.
    case chunk(Chunk)

    /// Creates the control frame that carries `message`.
    package static func message(_ message: Tributary_V1_Control.OneOf_Message) -> Frame {
        .control(Tributary_V1_Control(message))
    }
}

/// The byte that says how to read a frame's body.
enum FrameKind: UInt8, CaseIterable {
    case control = 1
    case chunk = 2
}

/// Sizes that the layout fixes.
enum FrameLayout {
    static let lengthBytes = 4
    static let kindBytes = 1
    static let headerBytes = lengthBytes + kindBytes
    static let chunkHeaderBytes = PayloadDigest.byteCount + 8
}

extension Tributary_V1_Control {
    /// Creates the envelope of one message.
    package init(_ message: OneOf_Message) {
        self.init()
        self.message = message
    }
}
