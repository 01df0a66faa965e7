import NIOCore
import Synchronization

/// Counts a listener's connections and keeps them within its limits.
final class ConnectionSlots: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var handshakes = 0
    }

    private let limits: TransportLimits
    private let state = Mutex(State())

    init(limits: TransportLimits) {
        self.limits = limits
    }

    /// Takes a slot for a new connection until it is closed, or throws ``TransportError/full(limit:)``.
    func take(for channel: any Channel, until decided: EventLoopFuture<Admission>) throws(TransportError) {
        let id = ObjectIdentifier(channel)
        let limit: Int? = state.withLock { state in
            if state.channels.count >= limits.maximumConnections { return limits.maximumConnections }
            if state.handshakes >= limits.maximumHandshakes { return limits.maximumHandshakes }
            state.channels[id] = channel
            state.handshakes += 1
            return nil
        }
        if let limit { throw .full(limit: limit) }
        decided.whenComplete { _ in self.state.withLock { $0.handshakes -= 1 } }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } }
    }

    /// Closes what nobody has taken charge of, and waits for it.
    func closeAll() async {
        let channels = state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
    }
}
