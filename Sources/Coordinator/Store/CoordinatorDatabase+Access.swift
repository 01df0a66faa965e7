internal import Foundation
package import GRDB

// Reading, writing and checking: what the tables' owners call.

extension CoordinatorDatabase {
    /// Reads one committed state.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)`` when a page is not as it was written; what `body` throws.
    package func read<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        do {
            guard let queue = writer as? DatabaseQueue else { return try await writer.read(body) }
            return try await queue.unsafeRead { db in try Self.readCommitted(db, body) }
        } catch let error as DatabaseError {
            throw Self.damage(error, at: path) ?? error
        }
    }

    /// Reads one committed state, and blocks meanwhile.
    func readNow<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            guard let queue = writer as? DatabaseQueue else { return try writer.read(body) }
            return try queue.unsafeRead { db in try Self.readCommitted(db, body) }
        } catch let error as DatabaseError {
            throw Self.damage(error, at: path) ?? error
        }
    }

    /// Reads one committed state on a connection that writes, too.
    ///
    /// GRDB's own read of such a connection turns `query_only` on and off again, and with each turn SQLite forgets how it had
    /// compiled every statement: reading then costs several times as much.
    private static func readCommitted<Result>(_ db: Database, _ body: (Database) throws -> Result) throws -> Result {
        try inTransaction("BEGIN DEFERRED TRANSACTION", on: db) { try body(db) }
    }

    /// Does something in one transaction, which is committed at the end, and undone when an error is thrown.
    ///
    /// GRDB's own transactions are the same, and have SQLite compile their first and their last statement anew each time.
    private static func inTransaction<Result>(
        _ begin: String,
        on db: Database,
        _ body: () throws -> Result
    ) throws -> Result {
        try db.cachedStatement(sql: begin).execute()
        do {
            let result = try body()
            try db.cachedStatement(sql: "COMMIT TRANSACTION").execute()
            return result
        } catch {
            // The first error says what is wrong; SQLite may have ended the transaction by itself.
            try? db.rollback()
            throw error
        }
    }

    /// Writes in one transaction, which is durable when this returns.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)`` when a page is not as it was written; what `body` throws,
    ///   and nothing is changed then.
    package func write<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        do {
            let (result, commits) = try await writer.writeWithoutTransaction { db in
                try Self.inTransaction("BEGIN IMMEDIATE TRANSACTION", on: db) {
                    let changes = db.totalChangesCount
                    let result = try body(db)
                    return (result, db.totalChangesCount == changes ? nil : try CommitMark.count(in: db))
                }
            }
            if let commits { mark?.note(commits) }
            return result
        } catch let error as DatabaseError {
            throw Self.damage(error, at: path) ?? error
        }
    }

    // MARK: - Damage

    /// Reads every page in use.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``.
    package func verify() async throws {
        try await read { [path] db in try Self.check(db, "quick_check", path: path) }
    }

    /// Has SQLite look for contradictions, which makes it read every page in use.
    static func check(_ db: Database, _ pragma: String, path: String) throws {
        let problems = try String.fetchAll(db, sql: "PRAGMA \(pragma)(1)")
        guard problems == ["ok"] else {
            throw CoordinatorError.databaseDamaged(path: path, reason: problems.joined(separator: " "))
        }
    }

    /// Makes sure that every commit is there that was acknowledged.
    func checkCommits() throws {
        guard let mark, let acknowledged = mark.acknowledged else { return }
        let found = try readNow(CommitMark.commits(in:))
        guard found >= acknowledged else {
            throw CoordinatorError.commitsLost(path: path, mark: mark.file.path, count: acknowledged - found)
        }
    }

    /// What an error of SQLite says about a database that could not be opened or copied.
    static func failure(_ error: DatabaseError, at path: String) -> CoordinatorError {
        damage(error, at: path) ?? .databaseUnusable(path: path, reason: error.message ?? "\(error.resultCode)")
    }

    /// The damage that an error of SQLite tells of, if it does.
    private static func damage(_ error: DatabaseError, at path: String) -> CoordinatorError? {
        switch (error.resultCode, error.extendedResultCode) {
        case (_, .SQLITE_IOERR_DATA): .databaseDamaged(path: path, reason: "a page is not as it was written")
        case (.SQLITE_CORRUPT, _):
            .databaseDamaged(path: path, reason: error.message ?? "its pages contradict each other")
        default: nil
        }
    }
}
