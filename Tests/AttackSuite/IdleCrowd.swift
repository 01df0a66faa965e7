import Coordinator
import FederationHarness
import HostilePeers
import NIOCore

/// Thousands of enrolled clients that are connected and have nothing to do.
package struct IdleCrowd: Sendable {
    /// The server's memory, in bytes.
    package struct Report: Sendable {
        package let connected: Int
        package let before: Int
        package let after: Int
        package let peak: Int
    }

    package let connections: Int

    package init(connections: Int) {
        self.connections = connections
    }

    /// Connects them all, has them say Hello and a Ping, and measures while they are there.
    package func run(on field: AttackField) async throws -> Report {
        let peers = try await field.enlist(connections)
        let before = try field.serverMemory().resident
        let port = field.port(of: .federation)
        let channels = await withTaskGroup(of: (any Channel)?.self) { group in
            var channels: [any Channel] = []
            for (index, peer) in peers.enumerated() {
                if index >= 32, let channel = await group.next() ?? nil { channels.append(channel) }
                group.addTask {
                    guard let channel = try? await peer.connect(to: port) else { return nil }
                    try? await channel.writeAndFlush(ByteBuffer(bytes: Wire.bytes(.hello)))
                    // As a client does that is there and has nothing to say.
                    channel.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(5), delay: .seconds(10)) { task in
                        guard channel.isActive else { return task.cancel() }
                        channel.writeAndFlush(ByteBuffer(bytes: Wire.ping(1)), promise: nil)
                    }
                    return channel
                }
            }
            for await channel in group { if let channel { channels.append(channel) } }
            return channels
        }
        while try await field.admin.health().connectedClients < connections + AttackField.honest.count {
            try await Task.sleep(for: .milliseconds(200))
            guard channels.allSatisfy(\.isActive) else { throw AttackFailure("Idle clients were thrown out.") }
        }
        try await Task.sleep(for: .seconds(20))
        let connected = try await field.admin.health().connectedClients
        let memory = try field.serverMemory()
        for channel in channels { channel.close(promise: nil) }
        return Report(connected: connected, before: before, after: memory.resident, peak: memory.peak)
    }
}
