import NIOCore
import WireProtocol

/// Reads a stream of frames until its bytes end or are none: whole, in pieces, and within each of the limits that
/// listeners have.
enum FrameFuzzing {
    private static let narrower: [FrameLimits] = [.quietClient, .uploadingClient, .enrolment]

    static func run(_ bytes: [UInt8]) {
        let frames = read(bytes, .federation)
        checkPieces(of: bytes, bring: frames)
        for frame in frames { checkRoundTrip(of: frame) }
        for limits in narrower {
            let accepted = read(bytes, limits)
            precondition(accepted.count <= frames.count, "narrow limits accept what wide ones refuse")
            let areWanted = accepted.allSatisfy { if case .chunk = $0 { limits.chunkBytes > 0 } else { true } }
            precondition(areWanted, "chunks are accepted where there may be none")
        }
    }

    private static func read(_ bytes: [UInt8], _ limits: FrameLimits) -> [Frame] {
        var rest = ByteBuffer(bytes: bytes)
        var frames: [Frame] = []
        while let frame = try? FrameDecoder.readFrame(from: &rest, limits: limits) { frames.append(frame) }
        return frames
    }

    /// What comes in pieces, as from a socket, is read as the same frames.
    private static func checkPieces(of bytes: [UInt8], bring frames: [Frame]) {
        var decoder = FrameDecoder(limits: .federation)
        var rest = ByteBuffer(bytes: bytes)
        var came: [Frame] = []
        // Small pieces end in heads; longer ones keep their number small.
        var size = 1 + Int(bytes.last ?? 0) % 16
        while var piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
            do {
                while let frame = try decoder.nextFrame(from: &piece) { came.append(frame) }
            } catch {
                break
            }
            size += 1 + size / 2
        }
        let areSame = came.count == frames.count && zip(came, frames).allSatisfy(isSame)
        precondition(areSame, "pieces are read as other frames")
    }

    /// What was read is written again, and read as the same.
    private static func checkRoundTrip(of frame: Frame) {
        // A message may be written in more bytes than the canonical ones, never in fewer; one without content is not written.
        guard let pieces = try? frame.serialized(limits: .federation) else { return }
        var written = ByteBuffer()
        for var piece in pieces { written.writeBuffer(&piece) }
        let again = try? FrameDecoder.readFrame(from: &written, limits: .federation)
        precondition(again.map { isSame($0, frame) } ?? false, "a frame was written, and read as another")
        precondition(written.readableBytes == 0, "bytes are left of a frame that was read again")
    }

    /// A message with a NaN differs from itself; its bytes do not.
    private static func isSame(_ one: Frame, _ other: Frame) -> Bool {
        guard one != other else { return true }
        guard let bytes = try? one.serialized(limits: .federation) else { return false }
        return bytes == (try? other.serialized(limits: .federation))
    }
}
