import HostilePeers
import NIOCore
import Testing
import WireProtocol

@testable import Transport

/// Rows of the threat list, "Bytes": what an enrolled but hostile client may try on the framing.
@Suite("A hostile member", .timeLimit(.minutes(1)))
struct HostileMemberTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let error: FramingError

        init(_ description: String, _ bytes: [UInt8], _ error: FramingError) {
            self.testDescription = description
            self.bytes = bytes
            self.error = error
        }
    }

    private static let limits = FrameLimits.federation

    static let attacks: [Attack] = [
        Attack(
            "claims 2 GiB",
            [0x80, 0, 0, 0],
            .tooLong(length: 1 << 31, limit: 40 + limits.chunkBytes + 1)
        ),
        Attack(
            "claims 4 GiB",
            [0xff, 0xff, 0xff, 0xff, 1],
            .tooLong(length: UInt64(UInt32.max), limit: 40 + limits.chunkBytes + 1)
        ),
        Attack(
            "claims a control message of 1 MiB",
            [0, 0x10, 0, 1, 1],
            .tooLong(length: 1 << 20, limit: limits.controlBytes)
        ),
        Attack("sends an empty frame", [0, 0, 0, 0], .empty),
        Attack("sends a thousand empty frames", Array(repeating: 0, count: 4000), .empty),
        Attack("sends an unknown kind", [0, 0, 0, 2, 9, 9], .unknownKind(9)),
        Attack("sends a chunk without a digest", [0, 0, 0, 2, 2, 9], .truncatedChunk(length: 1)),
        Attack("sends something that is no message", [0, 0, 0, 3, 1, 0xff, 0xff], .undecodableControl),
        Attack(
            "speaks HTTP",
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            .tooLong(length: 0x4745_5420, limit: 40 + (1 << 20) + 1)
        ),
    ]

    @Test("is told that it broke the protocol and closed; others do not notice", arguments: attacks)
    func attack(_ attack: Attack) async throws {
        let federation = try TestFederation()
        let hostile = try federation.client("hostile").credentials
        let errors = Recorder<any Error>()
        try await federation.withListener { connection in
            guard connection.peer.name == "hostile" else { return await echo(connection) }
            do {
                for try await _ in connection.inbound {}
            } catch {
                errors.record(error)
                var goodbye = Tributary_V1_Goodbye()
                goodbye.code = .protocolError
                await connection.close(saying: goodbye)
            }
        } _: { port in
            try await federation.dial(port, as: federation.client("honest")) { honest in
                let peer = RawTLSPeer(certificate: hostile.certificate, key: hostile.key)
                let outcome = try await peer.talk(to: port, sending: attack.bytes)
                guard case .control(let control) = try outcome.frames().first,
                    case .goodbye(let goodbye) = control.message
                else {
                    Issue.record("Goodbye was due, not \(outcome)")
                    return
                }
                #expect(goodbye.code == .protocolError)
                try await honest.send(.ping(1))
                var frames = honest.inbound.makeAsyncIterator()
                #expect(try await frames.next() == .pong(1))
            }
        }
        #expect(errors.values.first as? FramingError == attack.error)
    }

    @Test("that ends inside a frame leaves a typed error")
    func truncated() async throws {
        let federation = try TestFederation()
        let errors = Recorder<any Error>()
        try await federation.withListener { connection in
            do {
                for try await _ in connection.inbound {}
            } catch {
                errors.record(error)
            }
        } _: { port in
            let client = try federation.client("a").credentials
            let peer = RawTLSPeer(certificate: client.certificate, key: client.key)
            try await peer.leave(port, after: [0, 0, 0, 9, 1, 1, 1])
            #expect(await errors.next() as? FramingError == .endedInsideFrame(missingAtLeast: 6))
        }
    }

    @Test("that drips bytes costs what it sends, and is judged by the conversation's deadline")
    func drips() async throws {
        let federation = try TestFederation()
        let verdicts = Recorder<ProtocolViolation>()
        try await federation.withListener { connection in
            // A session as the server runs it, with patience for one half second.
            let conversation = ServerConversation(
                limits: ConversationLimits(greeting: .milliseconds(500)),
                openedAt: .now
            )
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while (try? await connection.inbound.first { _ in true }) != nil {}
                }
                group.addTask {
                    try? await Task.sleep(until: conversation.deadline, clock: .continuous)
                    var conversation = conversation
                    do throws(ProtocolViolation) {
                        try conversation.checkDeadline(at: .now)
                    } catch {
                        verdicts.record(error)
                        await connection.close(saying: error.goodbye)
                    }
                }
                await group.next()
                group.cancelAll()
            }
        } _: { port in
            let client = try federation.client("slow").credentials
            let peer = RawTLSPeer(certificate: client.certificate, key: client.key)
            // A frame that would take minutes to arrive.
            let outcome = try await peer.talk(to: port, sending: [0, 0, 1, 0, 1, 10])
            guard case .control(let control) = try outcome.frames().first,
                case .goodbye(let goodbye) = control.message
            else {
                Issue.record("Goodbye was due")
                return
            }
            #expect(goodbye.code == .idle)
        }
        #expect(verdicts.values == [.expired(.greeting(after: .milliseconds(500)))])
    }
}
