import NIOCore
import Synchronization

/// What came on a connection.
final class Collector: Sendable {
    private let state = Mutex<(ByteBuffer, (any Error)?)>((ByteBuffer(), nil))
    /// Tells that something came, and ends with the connection.
    let arrivals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (arrivals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var outcome: RawTLSPeer.Outcome {
        state.withLock { RawTLSPeer.Outcome(received: $0.0, error: $0.1) }
    }

    func add(_ bytes: ByteBuffer) {
        state.withLock { _ = $0.0.writeImmutableBuffer(bytes) }
        continuation.yield()
    }

    func end() { continuation.finish() }

    func add(_ error: any Error) {
        state.withLock { if $0.1 == nil { $0.1 = error } }
    }
}
