import Crypto
import Foundation
import GRDB
import Synchronization
import Transport
import WireProtocol

/// A note beside the database of how many commits were acknowledged, at least.
///
/// SQLite reads its write-ahead log up to the first record whose checksum does not fit: that is where a crash cut it. A bit
/// that turned on the disk looks the same, and what follows would be forgotten in silence. So every commit is counted within
/// its transaction, and here once it is durable: a database with fewer commits than this has lost some.
///
/// The note itself is not forced to disk. After a power failure it may be older than the database, and claims less.
final class CommitMark: Sendable {
    let file: URL
    /// What the note said when it was opened; `nil` when there was none.
    let acknowledged: Int?
    private let handle: FileHandle
    private let latest: Mutex<Int>

    /// Opens the note of a database, and makes it when there is none.
    ///
    /// - Throws: ``CoordinatorError/commitMarkDamaged(path:)``.
    init(of database: URL) throws {
        self.file = database.appendingPathExtension("commits")
        if !FileManager.default.fileExists(atPath: file.path) { try SecretFile.write("", to: file) }
        self.handle = try FileHandle(forUpdating: file)
        let content = try handle.readToEnd() ?? Data()
        // Made, and not written before the power failed.
        if content.allSatisfy({ $0 == 0 }) {
            self.acknowledged = nil
        } else {
            guard let number = Self.number(in: content) else {
                throw CoordinatorError.commitMarkDamaged(path: file.path)
            }
            self.acknowledged = number
        }
        self.latest = Mutex(acknowledged ?? 0)
    }

    /// Takes note that so many commits are durable.
    ///
    /// Another process may be about to write a smaller number: then the note claims less until the next commit.
    func note(_ commits: Int) {
        latest.withLock { latest in
            guard commits > latest else { return }
            latest = commits
            // A note that cannot be written is an older one.
            try? handle.seek(toOffset: 0)
            try? handle.write(contentsOf: Self.content(commits))
        }
    }

    // MARK: - In the database

    /// Counts the transaction of `db` as a commit, and returns how many there are with it.
    static func count(in db: Database) throws -> Int {
        try db.cachedStatement(sql: "UPDATE commit_count SET number = number + 1").execute()
        return try commits(in: db)
    }

    /// How many commits there were.
    static func commits(in db: Database) throws -> Int {
        guard let number = try Int.fetchOne(db.cachedStatement(sql: "SELECT number FROM commit_count")) else {
            throw CoordinatorError.corruptRecord(table: "commit_count", key: "1")
        }
        return number
    }

    // MARK: - The file

    /// Twenty digits and a checksum of them, so that a longer note is never followed by the rest of another.
    private static func content(_ number: Int) -> Data {
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, 20 - digits.count)) + digits
        return Data("\(padded) \(SHA256.hash(data: Data(padded.utf8)).hexadecimal.prefix(16))\n".utf8)
    }

    private static func number(in content: Data) -> Int? {
        guard let number = Int(String(decoding: content.prefix(20), as: UTF8.self)), number >= 0,
            content == Self.content(number)
        else { return nil }
        return number
    }
}
