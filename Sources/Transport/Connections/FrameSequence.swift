import NIOCore
package import WireProtocol

/// The frames that come in on one connection, for one consumer.
///
/// Nothing more is read from the socket while frames wait here. The sequence ends when the other side closes, and throws
/// ``FramingError`` for bytes that are not frames, ``TransportError`` when the connection breaks, and `CancellationError`.
package struct FrameSequence: AsyncSequence, Sendable {
    package typealias Element = Frame

    private let stream: NIOAsyncChannelInboundStream<Frame>

    init(_ stream: NIOAsyncChannelInboundStream<Frame>) {
        self.stream = stream
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(stream.makeAsyncIterator())
    }

    package struct Iterator: AsyncIteratorProtocol {
        private var frames: NIOAsyncChannelInboundStream<Frame>.AsyncIterator

        init(_ frames: NIOAsyncChannelInboundStream<Frame>.AsyncIterator) {
            self.frames = frames
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> Frame? {
            do {
                let frame = try await frames.next(isolation: actor)
                if frame == nil { try Task.checkCancellation() }
                return frame
            } catch {
                throw TransportError.mapping(error)
            }
        }
    }
}
