/// The largest frames that a side takes.
///
/// A length above the limit is refused when its four bytes are read: nothing is allocated for what is only claimed.
package struct FrameLimits: Sendable, Hashable {
    /// The largest serialized control message.
    package var controlBytes: Int
    /// The largest number of payload bytes in a chunk; 0 refuses chunks altogether.
    package var chunkBytes: Int

    package init(controlBytes: Int, chunkBytes: Int) {
        self.controlBytes = controlBytes
        self.chunkBytes = chunkBytes
    }

    /// Between members of a federation.
    package static let federation = FrameLimits(controlBytes: 256 << 10, chunkBytes: 1 << 20)

    /// From a client that has been asked for no payload: its largest message is a Hello with every tag that it may have.
    package static let quietClient = FrameLimits(controlBytes: 32 << 10, chunkBytes: 0)

    /// From a client that has been asked for a payload.
    package static let uploadingClient = FrameLimits(controlBytes: 32 << 10, chunkBytes: defaultChunkBytes)

    /// Between an enrolment listener and a stranger: one small request, one small answer, no payloads.
    package static let enrolment = FrameLimits(controlBytes: 16 << 10, chunkBytes: 0)

    /// How many payload bytes we put into a chunk: large enough that framing costs nothing beside TLS, small enough that a
    /// control message never waits long behind one.
    package static let defaultChunkBytes = 256 << 10

    /// The smallest chunk that may be followed by another one of the same payload.
    ///
    /// A peer that cuts a payload into single bytes costs a wake-up, a hash call and a write for each of them.
    package static let smallestInnerChunkBytes = 16 << 10

    /// The largest value of the length word that any frame may have.
    var longestFrame: Int {
        max(controlBytes, chunkBytes > 0 ? FrameLayout.chunkHeaderBytes + chunkBytes : 0) + FrameLayout.kindBytes
    }
}
