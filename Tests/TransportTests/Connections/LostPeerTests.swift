import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Transport

@Suite("A peer whose machine is gone")
struct LostPeerTests {
    /// A system that answers what it is told to, and counts how often it was asked.
    private final class TestSystem: Sendable {
        private let state = Mutex((latest: LostPeerHandler.Acknowledgement(isDue: true, age: .zero), questions: 0))

        var questions: Int { state.withLock { $0.questions } }

        func reports(isDue: Bool, age: Duration) {
            state.withLock { $0.latest = .init(isDue: isDue, age: age) }
        }

        func answer(on channel: any Channel) -> EventLoopFuture<LostPeerHandler.Acknowledgement> {
            let latest = state.withLock { state in
                state.questions += 1
                return state.latest
            }
            return channel.eventLoop.makeSucceededFuture(latest)
        }
    }

    private let system = TestSystem()

    private func channel() -> EmbeddedChannel {
        EmbeddedChannel(handler: LostPeerHandler(patience: .seconds(4)) { [system] in system.answer(on: $0) })
    }

    private func send(over channel: EmbeddedChannel) throws {
        try channel.writeOutbound(ByteBuffer(bytes: [1]))
    }

    @Test("is parted from when it has acknowledged nothing for as long as the system asks after it")
    func gone() throws {
        let channel = channel()
        system.reports(isDue: true, age: .milliseconds(3999))
        try send(over: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        try channel.throwIfErrorCaught()
        system.reports(isDue: true, age: .seconds(4))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(throws: TransportError.peerIsGone(after: "4.0 seconds")) { try channel.throwIfErrorCaught() }
        #expect(throws: ChannelError.alreadyClosed) { try channel.finish() }
    }

    @Test("was sent something: of a quiet connection nothing is asked, nor once all is acknowledged")
    func quiet() throws {
        let channel = channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(system.questions == 0)
        system.reports(isDue: true, age: .seconds(1))
        try send(over: channel)
        try send(over: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(system.questions == 3)
        // It says nothing since, because it has nothing to acknowledge.
        system.reports(isDue: false, age: .seconds(60))
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(system.questions == 4)
        try send(over: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(system.questions == 5)
        try channel.throwIfErrorCaught()
        #expect(throws: Never.self) { try channel.finish() }
    }

    @Test("is not looked for where the system cannot tell, nor on a connection that has ended")
    func unknown() throws {
        let blind = EmbeddedChannel(handler: LostPeerHandler())
        try send(over: blind)
        blind.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(throws: Never.self) { try blind.finish() }
        let closed = channel()
        try send(over: closed)
        try closed.close().wait()
        closed.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(system.questions == 0)
    }
}
