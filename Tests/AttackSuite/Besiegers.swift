import Foundation
import HostilePeers
import NIOCore
import Transport

/// Thousands of sockets, each of which claims a frame of 2 GiB and stays.
///
/// They belong into a process of their own: attackers have machines of their own, and do not share the threads of honest
/// clients.
package struct Besiegers: Sendable, Codable {
    /// What a member shows.
    struct Member: Sendable, Codable {
        let certificate: Data
        let key: String

        init(certificate: NodeCertificate, key: NodeKey) {
            self.certificate = Data(certificate.bytes)
            self.key = key.pem
        }

        func peer() throws -> RawTLSPeer {
            RawTLSPeer(certificate: try NodeCertificate(bytes: [UInt8](certificate)), key: try NodeKey(pem: key))
        }
    }

    /// Where the server listens for members.
    let port: Int
    /// How many sockets.
    let sockets: Int
    /// To whom they belong, one after the other; strangers without TLS when there are none.
    let members: [Member]

    /// How many connect at a time.
    private static let breadth = 64

    /// Connects them all, and lends them.
    ///
    /// - Parameter body: Is told how many could make their claim; the sockets are closed when it returns.
    /// - Throws: What is wrong with the members' certificates.
    package func run(_ body: (Int) async -> Void) async throws {
        let channels = await besiege(try members.map { try $0.peer() })
        await body(channels.count)
        for channel in channels { channel.close(promise: nil) }
    }

    private func besiege(_ peers: [RawTLSPeer]) async -> [any Channel] {
        await withTaskGroup(of: (any Channel)?.self) { group in
            var channels: [any Channel] = []
            for index in 0..<sockets {
                if index >= Self.breadth, let channel = await group.next() ?? nil { channels.append(channel) }
                let peer = peers.isEmpty ? nil : peers[index % peers.count]
                group.addTask { try? await claim(as: peer) }
            }
            for await channel in group { if let channel { channels.append(channel) } }
            return channels
        }
    }

    private func claim(as peer: RawTLSPeer?) async throws -> any Channel {
        let channel: any Channel
        if let peer {
            channel = try await peer.connect(to: port)
        } else {
            channel = try await RawTCPPeer.connect(to: port)
        }
        try await channel.writeAndFlush(ByteBuffer(bytes: Wire.length(1 << 31)))
        return channel
    }
}
