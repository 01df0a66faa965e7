import NIOCore
import WireProtocol

/// Reads frames until the bytes end or are none, within each of the limits that listeners have.
enum FrameFuzzing {
    private static let limits: [FrameLimits] = [.federation, .quietClient, .uploadingClient, .enrolment]

    static func run(_ bytes: [UInt8]) {
        for limits in limits {
            var rest = ByteBuffer(bytes: bytes)
            while let frame = try? FrameDecoder.readFrame(from: &rest, limits: limits) {
                checkRoundTrip(of: frame, limits: limits)
            }
        }
    }

    /// What was read is written again, and read as the same.
    private static func checkRoundTrip(of frame: Frame, limits: FrameLimits) {
        // A message may be written in more bytes than the canonical ones, never in fewer; one without content is not written.
        guard let pieces = try? frame.serialized(limits: .federation) else { return }
        var written = ByteBuffer()
        for var piece in pieces { written.writeBuffer(&piece) }
        let again = try? FrameDecoder.readFrame(from: &written, limits: .federation)
        // A message with a NaN differs from itself; its bytes do not.
        let isSame = again == frame || (try? again?.serialized(limits: .federation)) == pieces
        precondition(isSame && written.readableBytes == 0, "a frame was read, and written as another")
    }
}
