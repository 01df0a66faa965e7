import FederatedLearning
import GRDB

extension AdapterReference {
    private static let columns = "digest, byte_count, rank, alpha, rank_stabilized"

    /// Returns the row that holds this reference, and makes it when there is none.
    func identifier(in db: Database) throws -> Int64 {
        let values: StatementArguments = [digest.hexadecimal, byteCount, rank, alpha, usesRankStabilizedScaling]
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO adapter (\(Self.columns)) VALUES (?, ?, ?, ?, ?)")
            .execute(arguments: values)
        let row = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id FROM adapter
                    WHERE digest = ? AND byte_count = ? AND rank = ? AND alpha = ? AND rank_stabilized = ?
                    """
            ),
            arguments: values
        )
        guard let row else {
            throw CoordinatorError.corruptRecord(table: "adapter", key: digest.hexadecimal)
        }
        return row
    }

    /// Reads the reference in the row `identifier`.
    ///
    /// - Throws: ``CoordinatorError/corruptRecord(table:key:)`` when there is none, or it is no reference.
    init(identifier: Int64, in db: Database) throws {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT \(Self.columns) FROM adapter WHERE id = ?"),
            arguments: [identifier]
        )
        guard let row, let digest = ContentDigest(hexadecimal: row["digest"]) else {
            throw CoordinatorError.corruptRecord(table: "adapter", key: "\(identifier)")
        }
        self.init(
            digest: digest,
            byteCount: row["byte_count"],
            rank: row["rank"],
            alpha: row["alpha"],
            usesRankStabilizedScaling: row["rank_stabilized"]
        )
    }
}
