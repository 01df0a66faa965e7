import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import HostilePeers
import Logging
import NIOCore
import Transport
import WireProtocol

/// Too much of everything, or too little: floods, hoarded connections, peers that do not read, disks that fill.
enum FloodAttacks {
    static let all: [Attack] = messages + connections + stalls + disks

    // MARK: - Messages

    private static func flood(_ name: String, _ bytes: @autoclosure @Sendable @escaping () -> [UInt8]) -> Attack {
        Attack(
            "flood/\(name)",
            .flood,
            .does { field in
                let attack = try await Deed.says(bytes()).perform(in: field, honestAlone: true)
                try Outcome.goodbye(.protocolError, "messages a second").check(attack)
            },
            .asTheDeedSays
        )
    }

    private static func many(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(count * bytes.count)
        for _ in 0..<count { all += bytes }
        return all
    }

    private static let messages: [Attack] = [
        flood("a-thousand-pings", many(1000, Wire.ping(1))),
        flood("two-hundred-thousand-pings", many(200_000, Wire.ping(1))),
        flood("ten-thousand-reports-of-progress", many(10_000, Wire.message(Said.progress))),
        flood("a-thousand-offers", many(1000, Wire.message(.updateOffer(Said.updateOffer)))),
        flood("a-thousand-evaluations", many(1000, Wire.message(.evaluationResult(Said.evaluationResult(.evaluate))))),
        Attack(
            "flood/a-thousand-fetches",
            .flood,
            // The flood, a payload asked for twice, or too many at a time: whatever is noticed first.
            .says(many(1000, fetches)),
            .goodbye(.protocolError, "")
        ),
        Attack(
            "flood/two-hundred-thousand-pings-before-hello",
            .flood,
            .sends(.member, many(200_000, Wire.ping(1))),
            .goodbye(.protocolError, "")
        ),
        Attack(
            "flood/never-reads-its-pongs",
            .flood,
            .does { field in
                // The server answers every Ping; whoever does not read the answers runs into the limit all the same.
                guard let peer = try Peer.member.make(field) else { return }
                let channel = try await peer.connect(to: field.port(of: .federation))
                try await channel.setOption(.autoRead, value: false).get()
                channel.writeAndFlush(ByteBuffer(bytes: Wire.bytes(.hello) + many(5000, Wire.ping(1))), promise: nil)
                try await field.completeRound()
                try? await channel.close()
            },
            .asTheDeedSays
        ),
    ]

    /// Fetches of ever other payloads.
    private static var fetches: [UInt8] { Wire.message(Said.fetch(of: PayloadDigest(hashing: [9]))) }

    // MARK: - Connections

    /// Holds connections open while `body` runs.
    private static func holding<Result>(
        _ count: Int,
        _ connect: @Sendable @escaping () async throws -> any Channel,
        _ body: (_ channels: [any Channel]) async throws -> Result
    ) async throws -> Result {
        let channels = await withTaskGroup(of: (any Channel)?.self) { group in
            var channels: [any Channel] = []
            for index in 0..<count {
                if index >= 64, let channel = await group.next() ?? nil { channels.append(channel) }
                group.addTask { try? await connect() }
            }
            for await channel in group { if let channel { channels.append(channel) } }
            return channels
        }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(channels)) } catch { result = .failure(error) }
        for channel in channels { channel.close(promise: nil) }
        return try result.get()
    }

    private static func act(
        _ name: String,
        _ threat: Threat,
        takesLong: Bool = false,
        _ body: @Sendable @escaping (AttackField) async throws -> Void
    ) -> Attack {
        Attack("flood/\(name)", threat, .does(body), .asTheDeedSays, takesLong: takesLong)
    }

    private static let connections: [Attack] = [
        act("a-member-with-fifty-connections", .hoarding) { field in
            guard let peer = try Peer.member.make(field) else { return }
            let port = field.port(of: .federation)
            try await holding(50, { try await peer.connect(to: port) }) { channels in
                try await field.completeRound()
                // All but a few were closed for the newer ones.
                let open = channels.count { $0.isActive }
                guard open <= TransportLimits.server.connectionsPerMember else {
                    throw AttackFailure("\(open) connections of one member are open.")
                }
            }
        },
        act("a-member-that-replaces-itself-thirty-times", .hoarding) { field in
            let client = try HostileClient(directory: field.intruderDirectory)
            for _ in 0..<30 { try await client.withConnection { _, _ in } }
            try await field.completeRound()
        },
        act("places-held-with-a-certificate-that-was-replaced", .hoarding) { field in
            let robbed = try await field.federation.join("robbed")
            let robber = RawTLSPeer(
                certificate: try NodeCertificate(contentsOf: robbed.certificateFile),
                key: try NodeKey(contentsOf: robbed.privateKeyFile)
            )
            let (invitation, key) = (try await field.invite("robbed"), NodeKey())
            let enrolment = try await EnrolmentDialer.join(invitation, key: key, logger: .silent)
            let port = field.port(of: .federation)
            let successor = try await RawTLSPeer(certificate: enrolment.certificate, key: key).connect(to: port)
            defer { successor.close(promise: nil) }
            try await holding(8, { try await robber.connect(to: port) }) { channels in
                // The fifth takes the place of the oldest: of its own kind, or it would have been the successor before.
                let (closed, continuation) = AsyncStream.makeStream(of: Void.self)
                for channel in channels { channel.closeFuture.whenComplete { _ in continuation.yield() } }
                _ = await closed.first { _ in true }
                guard successor.isActive else {
                    throw AttackFailure("A certificate that was replaced takes the place of the one that is good.")
                }
            }
        },
        act("three-hundred-strangers-at-enrolment", .hoarding) { field in
            let port = field.port(of: .enrolment)
            try await holding(300, { try await RawTCPPeer.connect(to: port) }) { _ in
                _ = try await field.federation.join("patient-\(UUID().uuidString.prefix(8).lowercased())")
            }
        },
        act("three-hundred-strangers-after-their-handshake-at-enrolment", .hoarding) { field in
            let port = field.port(of: .enrolment)
            try await holding(300, { try await RawTLSPeer().connect(to: port) }) { _ in
                _ = try await field.federation.join("patient-\(UUID().uuidString.prefix(8).lowercased())")
            }
        },
        act("fifteen-hundred-silent-strangers", .hoarding) { field in
            let port = field.port(of: .federation)
            try await holding(1500, { try await RawTCPPeer.connect(to: port) }) { _ in
                // Somebody who comes now gets in, and those who are in go on.
                try await HostileClient(directory: field.intruderDirectory).withConnection { _, _ in }
                try await field.completeRound()
            }
        },
        act("two-hundred-handshakes-that-are-broken-off", .hoarding) { field in
            let port = field.port(of: .federation)
            for _ in 0..<200 {
                let channel = try await RawTCPPeer.connect(to: port)
                channel.writeAndFlush(ByteBuffer(bytes: [22, 3, 1, 2, 0, 1]), promise: nil)
                try await channel.close()
            }
        },
    ]

    // MARK: - Stalls

    private static let stalls: [Attack] = [
        act("half-a-message-in-four-connections", .slowness) { field in
            guard let peer = try Peer.member.make(field) else { return }
            let port = field.port(of: .federation)
            let half = Wire.length(32_000) + [Wire.control] + [UInt8](repeating: 0, count: 16_000)
            try await holding(
                4,
                {
                    let channel = try await peer.connect(to: port)
                    try await channel.writeAndFlush(ByteBuffer(bytes: half))
                    return channel
                },
                { _ in try await field.completeRound() }
            )
        },
        Attack(
            "flood/a-hello-that-never-ends",
            .slowness,
            .sends(.member, Wire.length(32_000) + [Wire.control] + [UInt8](repeating: 0, count: 1000)),
            .goodbye(.idle, "introduce"),
            takesLong: true
        ),
        Attack(
            "flood/is-in-and-falls-silent",
            .slowness,
            .does { field in
                // Three heartbeats of ten seconds.
                let client = try HostileClient(directory: field.intruderDirectory)
                let code = try await client.withConnection { _, frames in
                    try await HostileClient.goodbye(in: &frames)
                }
                guard code == .idle else { throw AttackFailure("CODE_IDLE was due, not \(String(describing: code)).") }
            },
            .asTheDeedSays,
            takesLong: true
        ),
        act("an-upload-that-never-comes", .slowness, takesLong: true) { field in
            // The round ends at its deadline without it.
            let client = try HostileClient(directory: field.intruderDirectory)
            let (jobs, submitted) = AsyncStream.makeStream(of: String.self)
            let stalling = Task {
                _ = try await client.offerOnce(Offering(payload: { handed, _ in handed + [0] }, frames: { _, _ in [] }))
                {
                    submitted.yield(try await field.submit(clients: 3).rawValue)
                    submitted.finish()
                }
            }
            guard let job = await jobs.first(where: { _ in true }) else { throw CancellationError() }
            let report = try await field.waitUntilOver(.init(rawValue: job))
            stalling.cancel()
            guard report.rounds.last?.clients == AttackField.honest else {
                throw AttackFailure("The round counts \(report.rounds.last?.clients ?? []).")
            }
        },
    ]

    // MARK: - Disks

    private static let disks: [Attack] = [
        act("six-uploads-that-are-never-finished", .disk) { field in
            // A new beginning of another update in each round, of which the last byte never comes.
            for seed in 0..<6 {
                let answer = try await field.playRound(
                    Offering(
                        payload: { handed, _ in handed + Wire.noise(40_000, seed: UInt64(100 + seed)) },
                        frames: { payload, request in
                            let whole = Offering.chunks(of: Array(payload.dropLast()), for: request)
                            return whole + [.refusal(of: Said.order(.train))]
                        }
                    ),
                    honestAlone: true
                )
                guard case .goodbye = answer else { throw AttackFailure("Goodbye was due, not \(answer).") }
            }
            let partial = field.federation.state.root.appendingPathComponent("payloads/partial")
            let left = try FileManager.default.contentsOfDirectory(atPath: partial.path).filter {
                $0.hasSuffix(".\(AttackField.intruderName)")
            }
            guard left.count <= PayloadStore.partialsPerSender else {
                throw AttackFailure("\(left.count) beginnings of one client's uploads are kept.")
            }
        }
    ]
}
