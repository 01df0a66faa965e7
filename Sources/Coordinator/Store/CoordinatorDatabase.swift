package import Foundation
package import GRDB
private import Transport

/// The SQLite database of one state directory: opened, migrated and ready for the tables' owners.
///
/// ``SQLiteRunStore``, ``JobCatalogue``, ``ClientDirectory`` and ``AuditLog`` share it. A commit is durable when it
/// returns (WAL with `synchronous=FULL`). Other processes, such as `fed-server invite`, may write at the same time:
/// SQLite serializes them.
package struct CoordinatorDatabase: Sendable {
    package let writer: any DatabaseWriter

    /// Opens the database in `file`, and makes it when there is none.
    ///
    /// - Throws: ``CoordinatorError/databaseTooNew(path:)`` or ``CoordinatorError/databaseUnusable(path:reason:)``.
    package init(file: URL) throws {
        do {
            // SQLite gives the write-ahead log and its index the permissions of the database file.
            if !FileManager.default.fileExists(atPath: file.path) {
                try SecretFile.write("", to: file)
            }
            let pool = try DatabasePool(path: file.path, configuration: Self.configuration())
            // GRDB chooses NORMAL for a pool, which forgets the latest commits when the power fails.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            self.writer = pool
            try migrate(path: file.path)
        } catch let error as DatabaseError {
            throw CoordinatorError.databaseUnusable(path: file.path, reason: error.message ?? "\(error.resultCode)")
        }
    }

    /// Makes a database that lives in memory, for tests.
    package init() throws {
        self.writer = try DatabaseQueue(configuration: Self.configuration())
        try migrate(path: ":memory:")
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        // Another process holds the write lock for milliseconds.
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 2
        configuration.label = "coordinator"
        return configuration
    }

    private func migrate(path: String) throws {
        let migrator = DatabaseMigrator.coordinator
        guard try !writer.read(migrator.hasBeenSuperseded) else { throw CoordinatorError.databaseTooNew(path: path) }
        try migrator.migrate(writer)
    }
}
