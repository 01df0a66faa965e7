import Foundation
import GRDB
import TestSupport
import Testing

@testable import Coordinator

@Suite("Audit log")
struct AuditLogTests {
    private struct Edit: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let sql: String
        let broken: Int64
    }

    private static let edits = [
        Edit(
            testDescription: "another subject",
            sql: "UPDATE audit_entry SET subject = 'x' WHERE sequence = 3",
            broken: 3
        ),
        Edit(testDescription: "another time", sql: "UPDATE audit_entry SET at = at + 1 WHERE sequence = 1", broken: 1),
        Edit(
            testDescription: "text moved between fields",
            sql: "UPDATE audit_entry SET subject = '', detail = subject || detail WHERE sequence = 2",
            broken: 2
        ),
        Edit(testDescription: "a removed entry", sql: "DELETE FROM audit_entry WHERE sequence = 2", broken: 2),
        Edit(
            testDescription: "an unknown action",
            sql: "UPDATE audit_entry SET action = 'x' WHERE sequence = 4",
            broken: 4
        ),
        Edit(
            testDescription: "an inserted entry",
            sql: """
                UPDATE audit_entry SET sequence = 6 WHERE sequence = 5;
                UPDATE audit_entry SET sequence = 5 WHERE sequence = 4;
                INSERT INTO audit_entry SELECT 4, at, action, subject, detail, chain FROM audit_entry WHERE sequence = 3
                """,
            broken: 4
        ),
        Edit(testDescription: "entries cut off", sql: "DELETE FROM audit_entry WHERE sequence > 3", broken: 4),
        Edit(testDescription: "every entry removed", sql: "DELETE FROM audit_entry", broken: 1),
        Edit(testDescription: "a forgotten head", sql: "DELETE FROM audit_head", broken: 6),
    ]

    @Test("tells who was invited, enrolled and revoked")
    func entries() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            _ = try await store.enrol("berlin")
            try await store.clients.revoke("berlin", now: .sample + 1)
            let entries = try await store.audit.entries()
            #expect(entries.map(\.action) == [.clientInvited, .clientEnrolled, .clientRevoked])
            #expect(entries.allSatisfy { $0.subject == "berlin" })
            #expect(try await store.audit.verify().sequence == 3)
        }
    }

    @Test("shows any edit", arguments: edits)
    private func detects(_ edit: Edit) async throws {
        try await withTemporaryDirectory { folder in
            let database = try CoordinatorDatabase()
            try await database.writer.write { db in
                for number in 1...5 {
                    try AuditLog.append(.jobSubmitted, "job-\(number)", "detail", at: .sample, in: db)
                }
            }
            let log = AuditLog(database: database)
            #expect(try await log.verify().sequence == 5)
            try await database.writer.write { db in try db.execute(sql: edit.sql) }
            await #expect(throws: CoordinatorError.auditBroken(entry: edit.broken)) { try await log.verify() }
        }
    }

    /// Whoever can write the file can compute every hash anew; a head that was noted elsewhere tells.
    @Test("shows that a log was written anew as a whole to who noted where it was")
    func rewritten() async throws {
        func log(_ subjects: [String]) async throws -> AuditLog {
            let database = try CoordinatorDatabase()
            try await database.writer.write { db in
                for subject in subjects { try AuditLog.append(.jobSubmitted, subject, at: .sample, in: db) }
            }
            return AuditLog(database: database)
        }
        let noted = try await log(["a", "b"]).verify()
        #expect(AuditLog.Head(noted.description) == noted)
        #expect(try await log(["a", "b", "c"]).verify(since: noted).sequence == 3)
        let forged = try await log(["a", "x", "c"])
        #expect(try await forged.verify().sequence == 3)
        await #expect(throws: CoordinatorError.auditBroken(entry: 2)) { try await forged.verify(since: noted) }
        let cut = try await log(["a"])
        await #expect(throws: CoordinatorError.auditBroken(entry: 2)) { try await cut.verify(since: noted) }
    }

    @Test(
        "takes for a head only what one looks like",
        arguments: ["", ":", "1", "1:", "-1:", "0:x", "1:abc", "01:", "1:2:3"]
    )
    func heads(_ text: String) {
        #expect(AuditLog.Head(text) == nil)
    }

    @Test("names the empty head")
    func emptyHead() {
        #expect(AuditLog.Head(AuditLog.Head.empty.description) == .empty)
    }
}
