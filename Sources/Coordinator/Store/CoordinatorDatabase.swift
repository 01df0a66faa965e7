package import Foundation
package import GRDB
private import Transport

/// The SQLite database of one state directory: opened, migrated and ready for the tables' owners.
///
/// ``SQLiteRunStore``, ``JobCatalogue``, ``ClientDirectory`` and ``AuditLog`` share it. A commit is durable when it
/// returns (WAL with `synchronous=FULL`). Other processes, such as `fed-server invite`, may write at the same time:
/// SQLite serializes them.
///
/// What the disk no longer holds as it was written is never taken for true: every page carries a checksum
/// (``PageChecksums``), and a log whose end was lost shows by its number of commits (``CommitMark``).
package struct CoordinatorDatabase: Sendable {
    let writer: any DatabaseWriter
    let path: String
    /// `nil` in memory.
    let mark: CommitMark?

    /// How many statements may run at a time.
    package enum Concurrency: Sendable {
        /// One writes while others read.
        case concurrentReads
        /// One after the other, on one connection: what happens has one order.
        case serial
    }

    /// Opens the database in `file`, and makes it when there is none.
    ///
    /// A database without checksums, which an earlier version wrote, gets them first.
    ///
    /// - Throws: ``CoordinatorError/databaseTooNew(path:)``, ``CoordinatorError/databaseUnusable(path:reason:)``,
    ///   ``CoordinatorError/databaseDamaged(path:reason:)``, ``CoordinatorError/commitsLost(path:mark:count:)``.
    package init(file: URL, _ concurrency: Concurrency = .concurrentReads) throws {
        do {
            // SQLite gives the write-ahead log and its index the permissions of the database file.
            if !FileManager.default.fileExists(atPath: file.path) {
                try SecretFile.write("", to: file)
            }
            try PageChecksums.prepare(file)
            let mark = try CommitMark(of: file)
            var configuration = Self.configuration()
            configuration.journalMode = .wal
            self.writer =
                switch concurrency {
                case .concurrentReads: try DatabasePool(path: file.path, configuration: configuration)
                case .serial: try DatabaseQueue(path: file.path, configuration: configuration)
                }
            // GRDB chooses NORMAL for a write-ahead log, which forgets the latest commits when the power fails.
            try writer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            self.path = file.path
            self.mark = mark
            try migrate()
            try checkCommits()
        } catch let error as DatabaseError {
            throw Self.failure(error, at: file.path)
        }
    }

    /// Makes a database that lives in memory, for tests.
    package init() throws {
        self.writer = try DatabaseQueue(configuration: Self.configuration())
        self.path = ":memory:"
        self.mark = nil
        try migrate()
    }

    /// Closes the file, so that everything in the log moves into it.
    ///
    /// - Throws: When somebody still reads or writes.
    package func close() throws {
        // Whoever closes last, and a reader may, would leave the log as it is.
        try writer.barrierWriteWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try writer.close()
    }

    /// Writes into the file what an earlier process has left in the log, and begins a new one.
    ///
    /// Where an fsync failed under that process, what it was for may be in the system's memory alone and count as written. It would
    /// be read from there, later commits would follow it in the log, and a power failure would leave a hole before them.
    ///
    /// - Throws: ``CoordinatorError/databaseUnusable(path:reason:)`` when another process goes on reading for half a minute.
    package func renewLog() throws {
        for attempt in 1...3 {
            do {
                return try writer.barrierWriteWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && attempt < 3 {
                continue
            } catch let error as DatabaseError {
                throw Self.failure(error, at: path)
            }
        }
    }

    /// Writes a copy that shows one committed state into a new file, while others go on writing.
    ///
    /// - Parameters:
    ///   - file: The file to make.
    ///   - read: Reads what is wanted of the copy.
    /// - Returns: What `read` returns.
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``, or ``CoordinatorError/databaseUnusable(path:reason:)``
    ///   when the copy cannot be made.
    package func copy<Result>(to file: URL, _ read: (Database) throws -> Result) throws -> Result {
        do {
            try SecretFile.write("", to: file)
            let copy = try DatabaseQueue(path: file.path, configuration: Self.configuration())
            try writer.backup(to: copy)
            let result = try copy.writeWithoutTransaction { db in
                // One file, without a log beside it.
                try db.execute(sql: "PRAGMA journal_mode = DELETE")
                try Self.check(db, "integrity_check", path: path)
                return try read(db)
            }
            try copy.close()
            return result
        } catch let error as DatabaseError {
            throw Self.failure(error, at: path)
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        // Another process holds the write lock for milliseconds.
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 2
        configuration.label = "coordinator"
        configuration.prepareDatabase { db in try PageChecksums.reserve(in: db) }
        return configuration
    }

    private func migrate() throws {
        let migrator = DatabaseMigrator.coordinator
        guard try !writer.read(migrator.hasBeenSuperseded) else { throw CoordinatorError.databaseTooNew(path: path) }
        try migrator.migrate(writer)
    }
}
