private import CPageChecksums
import Foundation
import GRDB
import Transport

/// Checksums in the pages of the database file, so that a bit that turned on the disk is noticed when it is read.
///
/// They are written and compared below SQLite, by a layer of C. The room for them is decided when the file is made: byte 20
/// of the file says how much of each page it is.
enum PageChecksums {
    private static let registration = page_checksums_register()

    /// Makes sure that every page of the database carries a checksum, before anybody opens it.
    ///
    /// - Parameter file: The database, which may be empty still.
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)`` when it had checksums and says that it has none.
    static func prepare(_ file: URL) throws {
        try succeed(registration)
        guard try lacksRoom(file) else { return }
        try upgrade(file)
    }

    /// Has the database of a connection made with room for them, if it is made now.
    static func reserve(in db: Database) throws {
        guard let connection = db.sqliteConnection else { return }
        try succeed(page_checksums_reserve(UnsafeMutableRawPointer(connection)))
    }

    private static func lacksRoom(_ file: URL) throws -> Bool {
        var answer: Int32 = 0
        try succeed(page_checksums_lack_room(file.path, &answer))
        return answer != 0
    }

    private static func succeed(_ code: Int32) throws {
        guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    /// Puts a copy with checksums into the place of a database without.
    ///
    /// The copy is made beside it and takes its name in one step, so that a crash leaves the one or the other.
    private static func upgrade(_ file: URL) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in try reserve(in: db) }
        let old = try DatabaseQueue(path: file.path, configuration: configuration)
        try old.writeWithoutTransaction { db in
            // Nobody else has it until the copy is in its place. What was in a log is in the file then, and the log gone.
            try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE")
            try db.execute(sql: "BEGIN EXCLUSIVE; COMMIT")
            // Whoever had it before may have done the same, and another file is in its place.
            guard try lacksRoom(file) else { return }
            guard try !hadChecksums(db) else {
                throw CoordinatorError.databaseDamaged(path: file.path, reason: "its header is not as it was written")
            }
            let copy = file.appendingPathExtension("upgrade")
            try SecretFile.write("", to: copy)
            // No page may leave the cache before the first one, which says that they carry checksums.
            try db.execute(sql: "PRAGMA cache_size = \(Int32.max)")
            try db.execute(sql: "VACUUM INTO ?", arguments: [copy.path])
            _ = try DurableFile.settle(copy)
            try DurableFile.move(copy, to: file)
        }
        try old.close()
    }

    private static func hadChecksums(_ db: Database) throws -> Bool {
        guard try db.tableExists("grdb_migrations") else { return false }
        return try DatabaseMigrator.coordinator.appliedIdentifiers(db).contains(DatabaseMigrator.checksumsIdentifier)
    }
}
