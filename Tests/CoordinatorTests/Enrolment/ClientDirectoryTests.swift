import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite("Client directory")
struct ClientDirectoryTests {
    private static let secret = ContentDigest(hashing: [1])

    private static func record(_ name: String, _ number: Int) -> IssuedCertificate {
        IssuedCertificate(
            name: name,
            fingerprint: ContentDigest(hashing: Array("\(number)".utf8)),
            serial: "\(number)",
            expiry: .sample + 86_400
        )
    }

    private static func redeem(_ clients: ClientDirectory, number: Int, now: Date = .sample) async throws -> String? {
        try await clients.redeem(secretHash: secret, now: now) { name in (name, record(name, number)) }?.certificate
    }

    @Test("gives one certificate for one secret, whoever else shows it at the same time", .timeLimit(.minutes(1)))
    func race() async throws {
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.durable(in: folder).clients
            try await clients.invite("berlin", secretHash: Self.secret, expiry: .sample + 1, now: .sample)
            let winners = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<1000 {
                    group.addTask { try await Self.redeem(clients, number: number) }
                }
                return try await group.reduce(into: []) { $0 += [$1].compactMap { $0 } }
            }
            #expect(winners == ["berlin"])
            #expect(try await clients.clients().map(\.name) == ["berlin"])
        }
    }

    @Test("takes no secret that is unknown, used or past its time")
    func refusesSecrets() async throws {
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.temporary(in: folder).clients
            #expect(try await Self.redeem(clients, number: 1) == nil)
            try await clients.invite("berlin", secretHash: Self.secret, expiry: .sample + 10, now: .sample)
            #expect(try await Self.redeem(clients, number: 1, now: .sample + 10) == nil)
            #expect(try await Self.redeem(clients, number: 1, now: .sample + 9) == "berlin")
            #expect(try await Self.redeem(clients, number: 2, now: .sample + 9) == nil)
        }
    }

    @Test("keeps an invitation good when the certificate cannot be issued")
    func failedIssue() async throws {
        struct Failure: Error {}
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.temporary(in: folder).clients
            try await clients.invite("berlin", secretHash: Self.secret, expiry: .sample + 10, now: .sample)
            await #expect(throws: Failure.self) {
                try await clients.redeem(secretHash: Self.secret, now: .sample) { _ -> ((), IssuedCertificate) in
                    throw Failure()
                }
            }
            #expect(try await clients.clients().isEmpty)
            #expect(try await Self.redeem(clients, number: 1) == "berlin")
        }
    }

    @Test("admits a certificate under its own name only, until it is revoked")
    func admission() async throws {
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.temporary(in: folder).clients
            try await clients.invite("berlin", secretHash: Self.secret, expiry: .sample + 10, now: .sample)
            _ = try await Self.redeem(clients, number: 1)
            let fingerprint = Self.record("berlin", 1).fingerprint
            #expect(try await clients.admission(of: "berlin", fingerprint: fingerprint) == .admitted)
            #expect(try await clients.admission(of: "paris", fingerprint: fingerprint) == .unknown)
            #expect(
                try await clients.admission(of: "berlin", fingerprint: ContentDigest(hashing: Array("2".utf8)))
                    == .unknown
            )
            try await clients.revoke("berlin", now: .sample)
            #expect(try await clients.admission(of: "berlin", fingerprint: fingerprint) == .revoked)
        }
    }

    @Test("lets a client in again with a new key, and its old one no more")
    func enrolsAgain() async throws {
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.temporary(in: folder).clients
            for number in 1...2 {
                let secret = ContentDigest(hashing: Array("\(number)".utf8))
                try await clients.invite("berlin", secretHash: secret, expiry: .sample + 10, now: .sample)
                _ = try await clients.redeem(secretHash: secret, now: .sample) { ((), Self.record($0, number)) }
            }
            let admissions = [
                try await clients.admission(of: "berlin", fingerprint: ContentDigest(hashing: Array("1".utf8))),
                try await clients.admission(of: "berlin", fingerprint: ContentDigest(hashing: Array("2".utf8))),
            ]
            #expect(admissions == [.revoked, .admitted])
        }
    }

    @Test("uses up the open invitations of a client that is revoked")
    func revokesInvitations() async throws {
        try await withTemporaryDirectory { folder in
            let clients = try CoordinatorStore.temporary(in: folder).clients
            try await clients.invite("berlin", secretHash: Self.secret, expiry: .sample + 10, now: .sample)
            try await clients.revoke("berlin", now: .sample)
            #expect(try await Self.redeem(clients, number: 1) == nil)
            await #expect(throws: CoordinatorError.unknownClient("paris")) {
                try await clients.revoke("paris", now: .sample)
            }
        }
    }

    @Test(
        "invites nobody whose name is unfit",
        arguments: ["", "Berlin", "a/b", "-a", "é", String(repeating: "a", count: 65)]
    )
    func refusesNames(_ name: String) async throws {
        let clients = ClientDirectory(database: try CoordinatorDatabase())
        await #expect(throws: CoordinatorError.invalidClientName(name)) {
            try await clients.invite(name, secretHash: Self.secret, expiry: .sample + 10, now: .sample)
        }
    }

    @Test("remembers what a client said of itself and when it was heard of")
    func remembers() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            _ = try await store.enrol("berlin")
            let profile = ClientProfile(id: "berlin", maximumRank: 8, tags: ["site": "charité"])
            try await store.clients.arrived(profile, software: "test/1", at: .sample + 5)
            try await store.clients.departed("berlin", at: .sample + 6)
            let record = try #require(try await store.clients.clients().first)
            #expect(record.maximumRank == 8)
            #expect(record.tags == ["site": "charité"])
            #expect(record.software == "test/1")
            #expect(record.lastContact == .sample + 6)
            #expect(record.certificateExpiry == .sample + 86_400)
            #expect(ClientSummary(record: record, lastHeard: nil).state == .away)
            #expect(ClientSummary(record: record, lastHeard: .sample).state == .connected)
        }
    }
}
