import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Transport

@Suite("A peer that takes no bytes")
struct StalledWriteTests {
    /// A system that says how long ago it sent bytes.
    private final class TestSystem: Sendable {
        private let state = Mutex((age: Duration.zero, questions: 0))

        var questions: Int { state.withLock { $0.questions } }

        func sentBytes(_ age: Duration) { state.withLock { $0.age = age } }

        func answer(on channel: any Channel) -> EventLoopFuture<Duration> {
            let age = state.withLock { state in
                state.questions += 1
                return state.age
            }
            return channel.eventLoop.makeSucceededFuture(age)
        }
    }

    private let system = TestSystem()

    private func channel() -> EmbeddedChannel {
        let handler = StalledWriteHandler(patience: .seconds(60)) { [system] in system.answer(on: $0) }
        return EmbeddedChannel(handler: handler)
    }

    /// Bytes that stay where they are until they are flushed.
    private func write(to channel: EmbeddedChannel) {
        channel.write(ByteBuffer(bytes: [1]), promise: nil)
    }

    @Test("is parted from when the system has sent it nothing for as long as patience lasts")
    func stalled() throws {
        let channel = channel()
        write(to: channel)
        system.sentBytes(.seconds(10))
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        try channel.throwIfErrorCaught()
        system.sentBytes(.seconds(59))
        channel.embeddedEventLoop.advanceTime(by: .seconds(49))
        try channel.throwIfErrorCaught()
        #expect(system.questions == 1)
        system.sentBytes(.seconds(60))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(throws: TransportError.peerDoesNotRead(after: "60.0 seconds")) { try channel.throwIfErrorCaught() }
        #expect(throws: ChannelError.alreadyClosed) { try channel.finish() }
    }

    @Test("is kept for hours while one write goes over a slow line")
    func slow() throws {
        let channel = channel()
        write(to: channel)
        system.sentBytes(.seconds(2))
        channel.embeddedEventLoop.advanceTime(by: .hours(3))
        try channel.throwIfErrorCaught()
        channel.flush()
        let asked = system.questions
        channel.embeddedEventLoop.advanceTime(by: .hours(3))
        #expect(system.questions == asked, "nothing waits to be taken")
        #expect(throws: Never.self) { try channel.finish() }
    }

    @Test("is parted from where the system cannot tell, and nobody is asked while writes complete")
    func blind() throws {
        let blind = EmbeddedChannel(handler: StalledWriteHandler(patience: .seconds(60)))
        write(to: blind)
        blind.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(throws: TransportError.peerDoesNotRead(after: "60.0 seconds")) { try blind.throwIfErrorCaught() }

        let busy = channel()
        for _ in 0..<5 {
            write(to: busy)
            busy.embeddedEventLoop.advanceTime(by: .seconds(50))
            busy.flush()
        }
        #expect(system.questions == 0)
        #expect(throws: Never.self) { try busy.finish() }
    }
}
