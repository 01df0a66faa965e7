package import NIOCore
private import SwiftProtobuf

/// Turns a byte stream into frames.
///
/// The length word is judged as soon as its four bytes are there, and again, more strictly, when the kind is known; only
/// then does the decoder wait for the body. What it holds grows with the bytes that arrived, never with the bytes that
/// were claimed.
///
/// Messages are counted here as well as in the conversation: one read of a megabyte may bring 170,000 of the smallest, and
/// they must not all become values before somebody looks at the first.
///
/// What has come of a frame is copied into a buffer of its own, once. Frames that are slices of what arrived would be in use
/// while more arrives, and whoever appends to a buffer that is in use copies all of it: that was three quarters of what
/// receiving a payload cost. The buffers of chunks come from ``ChunkBuffers``.
package struct FrameDecoder: ByteToMessageDecoder {
    package typealias InboundOut = Frame

    /// How many messages may come at once, and how many a second after that, before decoding stops.
    ///
    /// Twice what a conversation allows, so that it is the conversation which judges all but the wildest peers.
    private static let flood = (burst: 512, perSecond: 128)

    private let allowance: FrameAllowance
    private let arrival: FrameArrival
    private let now: @Sendable () -> ContinuousClock.Instant
    private var budget: MessageBudget
    /// The beginning of a frame.
    private var begun = ByteBuffer()

    /// Creates a decoder.
    ///
    /// - Parameters:
    ///   - allowance: What may come, at the moment of every frame.
    ///   - arrival: Is told how far the frame is that is coming in.
    ///   - now: The time, for counting messages.
    package init(
        allowance: FrameAllowance,
        arrival: FrameArrival = FrameArrival(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.allowance = allowance
        self.arrival = arrival
        self.now = now
        self.budget = MessageBudget(burst: Self.flood.burst, perSecond: Self.flood.perSecond, now: now())
    }

    /// Creates a decoder of frames within limits that do not change.
    package init(limits: FrameLimits) {
        self.init(allowance: FrameAllowance(limits))
    }

    package mutating func decode(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer
    ) throws -> DecodingState {
        let frame = try nextFrame(from: &buffer)
        arrival.begunChunk = Self.begunChunk(of: begun)
        guard let frame else { return .needMoreData }
        if case .control = frame, !budget.spend(at: now()) {
            throw FramingError.flood(perSecond: Self.flood.perSecond)
        }
        context.fireChannelRead(Self.wrapInboundOut(frame))
        return .continue
    }

    package mutating func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState {
        while try decode(context: context, buffer: &buffer) == .continue {}
        guard seenEOF, begun.readableBytes > 0 else { return .needMoreData }
        throw FramingError.endedInsideFrame(missingAtLeast: Self.missingBytes(of: begun))
    }

    /// Takes what belongs to the first frame off `buffer`, and returns the frame when it is complete.
    ///
    /// What came of an incomplete one is kept, so that `buffer` is empty then.
    package mutating func nextFrame(from buffer: inout ByteBuffer) throws(FramingError) -> Frame? {
        let limits = allowance.limits
        while true {
            let missing = try Self.wantedBytes(of: begun, limits: limits) - begun.readableBytes
            guard missing > 0 else { break }
            guard let piece = buffer.readSlice(length: min(missing, buffer.readableBytes)), piece.readableBytes > 0
            else {
                return nil
            }
            begun.writeImmutableBuffer(piece)
            makeRoomForChunk()
        }
        var whole = begun
        begun = ByteBuffer()
        let frame = try Self.readFrame(from: &whole, limits: limits)
        if case .chunk = frame { ChunkBuffers.shared.remember(whole) }
        return frame
    }

    /// Whether the beginning of a frame shows that it is a chunk.
    private static func isChunk(_ begun: ByteBuffer) -> Bool {
        let kindIndex = begun.readerIndex + FrameLayout.lengthBytes
        return begun.getInteger(at: kindIndex, as: UInt8.self) == FrameKind.chunk.rawValue
    }

    /// What the beginning of a frame is, once it shows that it is a chunk, and of what.
    private static func begunChunk(of begun: ByteBuffer) -> BegunChunk? {
        guard isChunk(begun) else { return nil }
        var body = begun
        body.moveReaderIndex(forwardBy: FrameLayout.headerBytes)
        guard let digest = body.readPayloadDigest() else { return nil }
        return BegunChunk(digest: digest, byteCount: begun.readableBytes)
    }

    /// Moves the head of a chunk, when that is all there is, to where there may be room for the rest.
    private mutating func makeRoomForChunk() {
        guard begun.readableBytes == FrameLayout.headerBytes, Self.isChunk(begun) else { return }
        var roomy = ChunkBuffers.shared.take()
        roomy.writeImmutableBuffer(begun)
        begun = roomy
    }

    /// Takes the first frame off `buffer`, or leaves it untouched and returns `nil` when the frame is not complete.
    package static func readFrame(
        from buffer: inout ByteBuffer,
        limits: FrameLimits
    ) throws(FramingError) -> Frame? {
        guard let (kind, bodyBytes) = try head(of: buffer, limits: limits),
            var body = buffer.getSlice(at: buffer.readerIndex + FrameLayout.headerBytes, length: bodyBytes)
        else { return nil }
        buffer.moveReaderIndex(forwardBy: FrameLayout.headerBytes + bodyBytes)
        return switch kind {
        case .control: .control(try readControl(from: body))
        case .chunk: .chunk(try readChunk(from: &body))
        }
    }

    /// Judges the head of the first frame as far as it is there; `nil` while the kind is not.
    private static func head(
        of buffer: ByteBuffer,
        limits: FrameLimits
    ) throws(FramingError) -> (kind: FrameKind, bodyBytes: Int)? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return nil }
        guard length > 0 else { throw .empty }
        guard length <= limits.longestFrame else {
            throw .tooLong(length: UInt64(length), limit: limits.longestFrame)
        }
        let kindIndex = buffer.readerIndex + FrameLayout.lengthBytes
        guard let rawKind = buffer.getInteger(at: kindIndex, as: UInt8.self) else { return nil }
        guard let kind = FrameKind(rawValue: rawKind) else { throw .unknownKind(rawKind) }
        let bodyBytes = Int(length) - FrameLayout.kindBytes
        try check(bodyBytes, of: kind, limits: limits)
        return (kind, bodyBytes)
    }

    /// How long a frame is, or its head as far as it has to be judged next.
    private static func wantedBytes(of begun: ByteBuffer, limits: FrameLimits) throws(FramingError) -> Int {
        if let (_, bodyBytes) = try head(of: begun, limits: limits) { return FrameLayout.headerBytes + bodyBytes }
        return begun.readableBytes < FrameLayout.lengthBytes ? FrameLayout.lengthBytes : FrameLayout.headerBytes
    }

    private static func check(
        _ bodyBytes: Int,
        of kind: FrameKind,
        limits: FrameLimits
    ) throws(FramingError) {
        switch kind {
        case .control:
            guard bodyBytes > 0 else { throw .empty }
            guard bodyBytes <= limits.controlBytes else {
                throw .tooLong(length: UInt64(bodyBytes), limit: limits.controlBytes)
            }
        case .chunk:
            guard limits.chunkBytes > 0 else { throw .chunksNotAllowed }
            // One that is shorter shows when it is read: there is little to wait for.
            guard bodyBytes != FrameLayout.chunkHeaderBytes else { throw .empty }
            guard bodyBytes - FrameLayout.chunkHeaderBytes <= limits.chunkBytes else {
                throw .tooLong(
                    length: UInt64(bodyBytes - FrameLayout.chunkHeaderBytes),
                    limit: limits.chunkBytes
                )
            }
        }
    }

    private static func readControl(from body: ByteBuffer) throws(FramingError) -> Tributary_V1_Control {
        guard let control = try? Tributary_V1_Control(serializedBytes: Array(buffer: body)) else {
            throw .undecodableControl
        }
        return control
    }

    private static func readChunk(from body: inout ByteBuffer) throws(FramingError) -> Chunk {
        let length = body.readableBytes
        guard let digest = body.readPayloadDigest(), let offset = body.readInteger(as: UInt64.self) else {
            throw .truncatedChunk(length: length)
        }
        let chunk = Chunk(digest: digest, offset: offset, bytes: body)
        guard chunk.end != nil else {
            throw .offsetOverflow(offset: offset, byteCount: body.readableBytes)
        }
        return chunk
    }

    /// How many bytes an incomplete frame still needs, as far as its head tells.
    private static func missingBytes(of buffer: ByteBuffer) -> Int {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else {
            return FrameLayout.headerBytes - buffer.readableBytes
        }
        return FrameLayout.lengthBytes + Int(length) - buffer.readableBytes
    }
}
