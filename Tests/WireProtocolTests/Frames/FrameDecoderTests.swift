import NIOCore
import NIOEmbedded
import NIOTestUtils
import Synchronization
import Testing

@testable import WireProtocol

@Suite("The frame decoder")
struct FrameDecoderTests {
    @Test("gives the same frames however the bytes are cut")
    func cuts() throws {
        // The long chunks make byte-by-byte feeding quadratic in the verifier, so the short vectors do.
        let controls = GoldenVectors.controls.map { ($0.frame, Frame.control($0.message)) }
        let chunks = GoldenVectors.chunks.compactMap { vector in
            vector.frame.map { bytes in
                let content = ByteBuffer(bytes: vector.bytes)
                return (bytes, Frame.chunk(Chunk(digest: vector.digest, offset: vector.offset, bytes: content)))
            }
        }
        let pairs = (controls + chunks).map { (ByteBuffer(bytes: $0.0), [$0.1]) }
        // A second passes between any two messages: how many may come in one is judged elsewhere.
        let start = ContinuousClock.now
        let seconds = Mutex(0)
        try ByteToMessageDecoderVerifier.verifyDecoder(inputOutputPairs: pairs) {
            FrameDecoder(allowance: FrameAllowance(.federation)) {
                start
                    + .seconds(
                        seconds.withLock { seconds in
                            seconds += 1
                            return seconds
                        }
                    )
            }
        }
    }

    @Test("refuses what the golden list says, with the error it says", arguments: GoldenVectors.refused)
    func refused(_ vector: GoldenVectors.Refused) throws {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder(limits: .federation)))
        let error = #expect(throws: FramingError.self) {
            try channel.writeInbound(ByteBuffer(bytes: vector.bytes))
            _ = try channel.finish()
        }
        #expect(error.map(Self.name) == vector.error)
        #expect(try channel.readInbound(as: Frame.self) == nil)
    }

    @Test("refuses the golden list byte by byte as well", arguments: GoldenVectors.refused)
    func refusedInDrips(_ vector: GoldenVectors.Refused) throws {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder(limits: .federation)))
        let error = #expect(throws: FramingError.self) {
            for byte in vector.bytes { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
            _ = try channel.finish()
        }
        #expect(error.map(Self.name) == vector.error)
    }

    @Test("refuses a claim of 2 GiB at its fourth byte, before it allocates anything")
    func claim() throws {
        var buffer = ByteBuffer(bytes: [0x7f, 0xff, 0xff, 0xff])
        let capacity = buffer.capacity
        let limit = FrameLimits.federation.longestFrame
        #expect(throws: FramingError.tooLong(length: 0x7fff_ffff, limit: limit)) {
            try FrameDecoder.readFrame(from: &buffer, limits: .federation)
        }
        #expect(buffer.capacity == capacity)
    }

    @Test("waits for a frame of the largest size without reserving room for it")
    func largestClaim() throws {
        var buffer = ByteBuffer(bytes: [0x00, 0x10, 0x00, 0x29, 0x02])
        let capacity = buffer.capacity
        #expect(try FrameDecoder.readFrame(from: &buffer, limits: .federation) == nil)
        #expect(buffer.capacity == capacity)
        #expect(buffer.readableBytes == 5)
    }

    @Test("refuses a chunk above its own limit where messages may be longer than chunks")
    func chunkAboveItsLimit() throws {
        let limits = FrameLimits(controlBytes: 32 << 10, chunkBytes: 16 << 10)
        let bytes = ByteBuffer(repeating: 7, count: limits.chunkBytes + 1)
        let chunk = Chunk(digest: PayloadDigest(hashing: [1]), offset: 0, bytes: bytes)
        var buffer = ByteBuffer()
        try buffer.writeFrame(.chunk(chunk), limits: .federation)
        #expect(throws: FramingError.tooLong(length: UInt64(bytes.readableBytes), limit: limits.chunkBytes)) {
            try FrameDecoder.readFrame(from: &buffer, limits: limits)
        }
    }

    @Test("takes frames of exactly the limit")
    func limits() throws {
        let digest = PayloadDigest(hashing: [1])
        let limits = FrameLimits.federation
        let chunk = Chunk(digest: digest, offset: 0, bytes: ByteBuffer(repeating: 7, count: limits.chunkBytes))
        var buffer = ByteBuffer()
        try buffer.writeFrame(.chunk(chunk), limits: limits)
        #expect(try FrameDecoder.readFrame(from: &buffer, limits: limits) == .chunk(chunk))
    }

    @Test("refuses chunks where none may come")
    func enrolmentTakesNoChunks() throws {
        let digest = PayloadDigest(hashing: [1])
        let chunk = Chunk(digest: digest, offset: 0, bytes: ByteBuffer(bytes: [1]))
        var buffer = ByteBuffer()
        try buffer.writeFrame(.chunk(chunk), limits: .federation)
        #expect(throws: FramingError.chunksNotAllowed) {
            try FrameDecoder.readFrame(from: &buffer, limits: .enrolment)
        }
        var out = ByteBuffer()
        #expect(throws: FramingError.chunksNotAllowed) { try out.writeFrame(.chunk(chunk), limits: .enrolment) }
    }

    @Test("meets any bytes with frames, patience or a typed error")
    func anyBytes() {
        // Half of the inputs are arbitrary, half are golden frames with a byte changed.
        var generator = SplitMix(state: 7)
        let golden = GoldenVectors.controls.map(\.frame) + GoldenVectors.chunks.compactMap(\.frame)
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round.isMultiple(of: 2) {
                let count = Int.random(in: 0...64, using: &generator)
                bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            } else {
                bytes = golden.randomElement(using: &generator) ?? []
                let index = Int.random(in: bytes.indices, using: &generator)
                bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
            }
            var buffer = ByteBuffer(bytes: bytes)
            do throws(FramingError) {
                while let frame = try FrameDecoder.readFrame(from: &buffer, limits: .federation) {
                    // What was understood can be said again.
                    var out = ByteBuffer()
                    try out.writeFrame(frame, limits: .federation)
                    #expect(out.readableBytes > FrameLayout.headerBytes)
                }
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test("stops before the flood of messages that one read may bring")
    func flood() throws {
        let moment = ContinuousClock.now
        let decoder = FrameDecoder(allowance: FrameAllowance(.federation), now: { moment })
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        let ping: [UInt8] = [0, 0, 0, 6, 1, 0x82, 2, 2, 8, 1]
        let flood = Array(repeatElement(ping, count: 100_000).joined())
        #expect(throws: FramingError.flood(perSecond: 128)) { try channel.writeInbound(ByteBuffer(bytes: flood)) }
        var frames = 0
        while try channel.readInbound(as: Frame.self) != nil { frames += 1 }
        #expect(frames == 512)
    }

    @Test("takes what is allowed at the moment of a frame")
    func allowance() throws {
        let allowance = FrameAllowance(.quietClient)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder(allowance: allowance)))
        let chunk = Frame.chunk(
            Chunk(digest: PayloadDigest(hashing: [1]), offset: 0, bytes: ByteBuffer(bytes: [1, 2, 3]))
        )
        let pieces = try chunk.serialized(limits: .federation)
        allowance.limits = .uploadingClient
        for piece in pieces { try channel.writeInbound(piece) }
        #expect(try channel.readInbound(as: Frame.self) == chunk)
        allowance.limits = .quietClient
        #expect(throws: FramingError.chunksNotAllowed) {
            for piece in pieces { try channel.writeInbound(piece) }
        }
    }

    @Test("tells how far a chunk is, from its digest on and until it is complete; of a message it tells nothing")
    func arrival() throws {
        let arrival = FrameArrival()
        let decoder = FrameDecoder(allowance: FrameAllowance(.federation), arrival: arrival)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        let digest = PayloadDigest(hashing: [1])
        let chunk = Frame.chunk(Chunk(digest: digest, offset: 0, bytes: ByteBuffer(repeating: 1, count: 40)))
        let bytes = try chunk.serialized(limits: .federation).flatMap { Array(buffer: $0) }
        let beforeDigest = 5 + PayloadDigest.byteCount - 1
        for (index, byte) in bytes.enumerated() {
            let begun = index > beforeDigest ? BegunChunk(digest: digest, byteCount: index) : nil
            #expect(arrival.begunChunk == begun, "after \(index) bytes")
            try channel.writeInbound(ByteBuffer(bytes: [byte]))
        }
        #expect(arrival.begunChunk == nil)
        #expect(try channel.readInbound(as: Frame.self) == chunk)

        let message = try Frame.message(.hello(Messages.hello)).serialized(limits: .federation)
        for byte in message.flatMap({ Array(buffer: $0) }) {
            try channel.writeInbound(ByteBuffer(bytes: [byte]))
            #expect(arrival.begunChunk == nil)
        }
    }

    @Test("gives every frame that had come, though the first one has the connection closed")
    func closedMeanwhile() throws {
        let frames = GoldenVectors.controls.prefix(3)
        let channel = EmbeddedChannel(
            handlers: [ByteToMessageHandler(FrameDecoder(limits: .federation)), ClosingHandler()]
        )
        try channel.writeInbound(ByteBuffer(bytes: frames.flatMap(\.frame)))
        for frame in frames {
            #expect(try channel.readInbound(as: Frame.self) == .control(frame.message))
        }
    }

    private static func name(of error: FramingError) -> String {
        switch error {
        case .empty: "empty"
        case .unknownKind: "unknown-kind"
        case .tooLong: "too-long"
        case .chunksNotAllowed: "chunks-not-allowed"
        case .truncatedChunk: "truncated-chunk"
        case .offsetOverflow: "offset-overflow"
        case .undecodableControl: "undecodable-control"
        case .flood: "flood"
        case .endedInsideFrame: "ends"
        }
    }
}

/// Closes its channel whenever something comes.
private final class ClosingHandler: ChannelInboundHandler {
    typealias InboundIn = Frame

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.close(promise: nil)
        context.fireChannelRead(data)
    }
}

/// A small seeded generator, so that a failure can be run again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
