import FederationHarness
import HostilePeers
import NIOCore
import Synchronization

/// Thousands of sockets, each of which claims a frame of 2 GiB and stays, while honest clients work.
package struct Siege: Sendable {
    /// What was measured.
    package struct Report: Sendable {
        /// How long a round takes in peace, and in the siege, in seconds; one figure for every round.
        package let peace: [Double]
        package let siege: [Double]
        /// The server's memory before the siege, and the most that it ever took, in bytes.
        package let before: Int
        package let peak: Int
        /// How many sockets connected and made their claim.
        package let claims: Int
    }

    /// How many sockets.
    package let sockets: Int
    /// How many members they belong to; 0 for strangers without TLS.
    package let members: Int
    /// How many connect at a time.
    private static let breadth = 64

    package init(sockets: Int, members: Int) {
        self.sockets = sockets
        self.members = members
    }

    /// Measures rounds in peace, and then in the siege until it is over.
    package func run(on field: AttackField, rounds: Int) async throws -> Report {
        let peers = try await field.enlist(members)
        var (peace, siege): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds { peace.append(try await Self.time { try await field.completeRound() }) }
        let before = try field.serverMemory().resident
        let claims = Mutex(0)
        let isOver = Mutex(false)
        let besieging = Task {
            let channels = await besiege(field.port(of: .federation), peers) { claims.withLock { $0 += 1 } }
            isOver.withLock { $0 = true }
            return channels
        }
        repeat {
            siege.append(try await Self.time { try await field.completeRound() })
        } while !isOver.withLock { $0 } || siege.count < rounds
        let peak = try field.serverMemory().peak
        for channel in await besieging.value { channel.close(promise: nil) }
        return Report(peace: peace, siege: siege, before: before, peak: peak, claims: claims.withLock { $0 })
    }

    private func besiege(
        _ port: Int,
        _ peers: [RawTLSPeer],
        claimed: @Sendable @escaping () -> Void
    ) async -> [any Channel] {
        await withTaskGroup(of: (any Channel)?.self) { group in
            var channels: [any Channel] = []
            for index in 0..<sockets {
                if index >= Self.breadth, let channel = await group.next() ?? nil { channels.append(channel) }
                let peer = peers.isEmpty ? nil : peers[index % peers.count]
                group.addTask {
                    do {
                        let channel: any Channel
                        if let peer {
                            channel = try await peer.connect(to: port)
                        } else {
                            channel = try await RawTCPPeer.connect(to: port)
                        }
                        try await channel.writeAndFlush(ByteBuffer(bytes: Wire.length(1 << 31)))
                        claimed()
                        return channel
                    } catch {
                        return nil
                    }
                }
            }
            for await channel in group { if let channel { channels.append(channel) } }
            return channels
        }
    }

    private static func time(_ body: () async throws -> Void) async rethrows -> Double {
        let begun = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - begun) / .seconds(1)
    }
}
