import Foundation
import GRDB
import TestSupport
import Testing

@testable import Coordinator

@Suite("Coordinator database")
struct CoordinatorDatabaseTests {
    @Test(
        "forces every commit to disk and checks references, however many connections it has",
        arguments: [CoordinatorDatabase.Concurrency.concurrentReads, .serial]
    )
    func pragmas(_ concurrency: CoordinatorDatabase.Concurrency) async throws {
        try await withTemporaryDirectory { folder in
            let database = try CoordinatorDatabase(file: folder.appendingPathComponent("db.sqlite"), concurrency)
            let (journal, synchronous, foreignKeys) = try await database.writer.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                    try Int.fetchOne(db, sql: "PRAGMA foreign_keys")
                )
            }
            #expect(journal == "wal")
            #expect(synchronous == 2)
            #expect(foreignKeys == 1)
        }
    }

    @Test("can be read by its owner only")
    func permissions() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("db.sqlite")
            let database = try CoordinatorDatabase(file: file)
            for name in ["db.sqlite", "db.sqlite-wal", "db.sqlite-shm"] {
                let path = folder.appendingPathComponent(name).path
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
            withExtendedLifetime(database) {}
        }
    }

    /// POSIX takes a process's locks of a file away with the first of its descriptors that is closed, unless SQLite closes it.
    ///
    /// Without them the next command of another process is the last by its own account, and removes the log in use.
    @Test("keeps its locks when the same process opens it again and closes it")
    func keepsLocks() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("db.sqlite")
            let database = try CoordinatorDatabase(file: file)
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            let inode = try #require(attributes[.systemFileNumber] as? Int)
            func locks() throws -> [Substring] {
                try String(contentsOfFile: "/proc/locks", encoding: .utf8).split(separator: "\n")
                    .filter { $0.contains(":\(inode) ") }
            }
            #expect(try !locks().isEmpty)
            try CoordinatorDatabase(file: file).close()
            #expect(try !locks().isEmpty)
            withExtendedLifetime(database) {}
        }
    }

    @Test("moves what an earlier process left in the log into the file, and begins a new log")
    func renewsLog() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("db.sqlite")
            let former = try CoordinatorDatabase(file: file)
            let log = folder.appendingPathComponent("db.sqlite-wal").path
            #expect(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int != 0)
            let latter = try CoordinatorDatabase(file: file)
            try latter.renewLog()
            #expect(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int == 0)
            // What is in the file alone is a whole database.
            let alone = folder.appendingPathComponent("alone.sqlite")
            try FileManager.default.copyItem(at: file, to: alone)
            try CoordinatorDatabase(file: alone).close()
            withExtendedLifetime(former) {}
        }
    }

    @Test("refuses the tables of a newer version")
    func newerVersion() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("db.sqlite")
            let database = try CoordinatorDatabase(file: file)
            try await database.writer.write { db in
                try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 of the future')")
            }
            #expect(throws: CoordinatorError.databaseTooNew(path: file.path)) { try CoordinatorDatabase(file: file) }
        }
    }

    @Test("says that a file is no database")
    func noDatabase() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("db.sqlite")
            try Data(repeating: 7, count: 8192).write(to: file)
            let error = #expect(throws: CoordinatorError.self) { try CoordinatorDatabase(file: file) }
            guard case .databaseUnusable(file.path, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }
}
