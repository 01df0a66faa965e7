import Foundation
import NIOCore
import TestSupport
import Testing
import WireProtocol

@testable import Transport

/// The path of a payload: disk, frames, TLS, frames, hash, disk.
@Suite("A payload's transfer", .timeLimit(.minutes(1)))
struct PayloadTransferTests {
    private let content = Data((0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 131 >> 5) })

    @Test("arrives whole, and after a break goes on where it stopped")
    func resumes() async throws {
        let federation = try TestFederation()
        try await withTemporaryDirectory { folder in
            let source = try PayloadStore(directory: folder.appendingPathComponent("source"))
            let target = try PayloadStore(directory: folder.appendingPathComponent("target"))
            let digest = try await source.insert(content)
            let byteCount = UInt64(content.count)
            let offsets = Recorder<UInt64>()
            let done = Recorder<Result<UInt64, any Error>>()

            try await federation.withListener { connection in
                do {
                    let receiver = try await target.beginReceiving(
                        digest,
                        byteCount: byteCount,
                        from: connection.peer.name,
                        maximum: 1 << 24
                    )
                    let start = await receiver.offset
                    offsets.record(start)
                    var transfer = try IncomingTransfer(digest: digest, byteCount: byteCount, from: start)
                    for try await frame in connection.inbound {
                        guard case .chunk(let chunk) = frame else { continue }
                        try transfer.accept(chunk)
                        try await receiver.append(chunk.bytes, at: chunk.offset)
                        // The first connection breaks in the middle.
                        if start == 0, transfer.offset > 1_000_000 { break }
                        if transfer.isComplete {
                            try await receiver.finish()
                            break
                        }
                    }
                    done.record(.success(transfer.offset))
                } catch {
                    done.record(.failure(error))
                }
            } _: { port in
                let sender = PayloadSender(store: source)
                let client = try federation.client("berlin")
                try? await federation.dial(port, as: client) { connection in
                    try await sender.send(digest, from: 0, over: connection)
                    for try await _ in connection.inbound {}
                }
                let broken = try #require(await done.next()).get()
                #expect(broken > 1_000_000 && broken < byteCount)
                let resumeAt = try target.offset(of: digest, from: "berlin")
                #expect(resumeAt == broken)
                try? await federation.dial(port, as: client) { connection in
                    try await sender.send(digest, from: resumeAt, over: connection)
                    for try await _ in connection.inbound {}
                }
                #expect(try #require(await done.next()).get() == byteCount)
            }
            #expect(offsets.values.count == 2)
            #expect(
                offsets.values.last == (try target.byteCount(of: digest) == content.count ? offsets.values.last : 0)
            )
            let copy = try Data(contentsOf: target.url(of: digest))
            #expect(copy == content)
        }
    }

    @Test("is cut into chunks of the announced size, the last one being the rest")
    func chunks() async throws {
        let federation = try TestFederation()
        try await withTemporaryDirectory { folder in
            let store = try PayloadStore(directory: folder)
            let digest = try await store.insert(content)
            let sizes = Recorder<Int>()
            let ends = Recorder<Bool>()
            try await federation.withListener { connection in
                do {
                    for try await frame in connection.inbound {
                        if case .chunk(let chunk) = frame { sizes.record(chunk.bytes.readableBytes) }
                    }
                } catch {
                    Issue.record(error)
                }
                ends.record(true)
            } _: { port in
                try await federation.dial(port, as: federation.client("a")) { connection in
                    let sender = PayloadSender(store: store, chunkBytes: 1 << 20)
                    try await sender.send(digest, from: 1, over: connection)
                }
                // The listener's end would break a connection of which the end has not been read.
                _ = await ends.next()
            }
            #expect(sizes.values == [1 << 20, 1 << 20, 902_848])
        }
    }

    @Test("of something that is not there is an error before anything is sent")
    func missing() async throws {
        let federation = try TestFederation()
        try await withTemporaryDirectory { folder in
            let store = try PayloadStore(directory: folder)
            let digest = PayloadDigest(hashing: [1])
            try await federation.withListener(handle: echo) { port in
                try await federation.dial(port, as: federation.client("a")) { connection in
                    await #expect(throws: PayloadError.missing(digest)) {
                        try await PayloadSender(store: store).send(digest, from: 0, over: connection)
                    }
                    try await connection.send(.ping(1))
                    var frames = connection.inbound.makeAsyncIterator()
                    #expect(try await frames.next() == .pong(1))
                }
            }
        }
    }
}
