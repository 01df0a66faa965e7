import Foundation
import InMemoryLogging
import Logging
import TestSupport
import Testing
import Transport

@testable import Coordinator

@Suite("Enrolment")
struct EnrolmentTests {
    private static func directory(in folder: URL) throws -> StateDirectory {
        try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: ListenAddress(host: "127.0.0.1", port: 8443),
            hosts: [],
            now: Date()
        )
    }

    @Test("turns a join string into a certificate of that name, once", .timeLimit(.minutes(1)))
    func overTLS() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.directory(in: folder)
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in handler }
            let store = try directory.openStore()
            let authority = try directory.authority()
            let desk = EnrolmentDesk(
                clients: store.clients,
                issuer: { IssuingAuthority(authority: authority) },
                lifetime: .seconds(3600),
                metrics: CoordinatorMetrics(),
                logger: logger
            )
            let listener = EnrolmentListener(
                host: "127.0.0.1",
                port: 0,
                credentials: try directory.serverCredentials(),
                logger: logger
            )
            let federation = ListenAddress(host: "127.0.0.1", port: 8443)
            let (bound, binding) = AsyncStream.makeStream(of: BoundAddress.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await listener.run {
                        binding.yield($0)
                    } enrol: {
                        await desk.enrol($0, federation: federation)
                    }
                }
                let address = try #require(await bound.first { _ in true })
                let offline = try await directory.invite("berlin", validFor: 60, now: Date())
                let join = try JoinString(
                    host: offline.host,
                    port: address.port,
                    authorityFingerprint: offline.authorityFingerprint,
                    secret: offline.secret,
                    expiry: offline.expiry
                )
                let enrolment = try await EnrolmentDialer.join(join, key: NodeKey(), logger: logger)
                #expect(enrolment.name == "berlin")
                #expect(enrolment.host == "127.0.0.1")
                #expect(enrolment.port == 8443)
                let admission = try await store.clients.admission(
                    of: "berlin",
                    fingerprint: .init(enrolment.certificate.fingerprint)
                )
                #expect(admission == .admitted)

                await #expect(throws: EnrolmentError.self) {
                    try await EnrolmentDialer.join(join, key: NodeKey(), logger: logger)
                }
                #expect(try await store.audit.entries().map(\.action) == [.clientInvited, .clientEnrolled])

                let secret = join.text
                #expect(!handler.entries.contains { "\($0)".contains(secret) })
                group.cancelAll()
            }
        }
    }

    @Test("cannot invite where the port is only known while a server runs")
    func unknownPort() async throws {
        try await withTemporaryDirectory { folder in
            let root = folder.appendingPathComponent("server")
            let directory = try StateDirectory.create(
                at: root,
                listen: ListenAddress(host: "127.0.0.1", port: 0),
                hosts: [],
                now: Date()
            )
            await #expect(throws: CoordinatorError.serverNotRunning(path: root.path)) {
                try await directory.invite("berlin", validFor: 60, now: Date())
            }
        }
    }

    @Test("never stores the secret itself")
    func secretIsHashed() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try Self.directory(in: folder)
            let join = try await directory.invite("berlin", validFor: 60, now: Date())
            let hexadecimal = join.secret.map { String($0, radix: 16) }.joined()
            for file in ["tributary.sqlite", "tributary.sqlite-wal"] {
                let url = directory.root.appendingPathComponent(file)
                guard let bytes = try? Data(contentsOf: url) else { continue }
                #expect(bytes.range(of: Data(join.secret)) == nil)
                #expect(bytes.range(of: Data(hexadecimal.utf8)) == nil)
            }
        }
    }
}
