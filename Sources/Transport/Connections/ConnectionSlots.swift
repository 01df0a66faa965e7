import NIOCore
import Synchronization

/// Counts a listener's connections and keeps them within its limits.
///
/// Every connection is a stranger's until ``prove(_:isOf:)`` says whose it is. Strangers have few places, and the oldest of
/// them gives way to the newest: with a refusal of the newest instead, whoever holds the places open would keep everybody out.
/// Members have many places, each a few.
final class ConnectionSlots: Sendable {
    private let limits: TransportLimits
    private let state = Mutex(SlotTable())

    init(limits: TransportLimits) {
        self.limits = limits
    }

    /// Takes a slot for a new connection until it is closed.
    ///
    /// - Throws: ``TransportError/full(limit:)`` when all are taken by members.
    func take(for channel: any Channel) throws(TransportError) {
        let (number, closing) = state.withLock { table -> (Int?, (any Channel)?) in
            var closing: (any Channel)?
            if table.strangerCount >= limits.maximumHandshakes || table.count >= limits.maximumConnections {
                closing = table.removeOldestStranger()
            }
            guard table.count < limits.maximumConnections else { return (nil, closing) }
            return (table.insert(channel), closing)
        }
        closing?.close(promise: nil)
        guard let number else { throw .full(limit: limits.maximumConnections) }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.remove(number) } }
    }

    /// Records that a connection is a member's, and closes the member's oldest when it has too many.
    func prove(_ channel: any Channel, isOf member: String) {
        let closing = state.withLock { $0.prove(channel, isOf: member, atMost: limits.connectionsPerMember) }
        closing?.close(promise: nil)
    }

    /// Closes what nobody has taken charge of, and waits for it.
    func closeAll() async {
        let channels = state.withLock { $0.channels }
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
    }
}
