import DifferentialPrivacy
import FederatedLearning
import Foundation
import GRDB

/// A job's charges in the database.
struct PrivacyChargeTable {
    let job: JobID
    let db: Database

    /// Writes the charge of the open round; once for each attempt at it.
    func write(_ charge: PrivacyCharge, at moment: Double) throws {
        let attempt = try abandonedAttempts()
        try db.execute(
            sql: """
                INSERT INTO privacy_charge
                    (job, round, attempt, noise_multiplier, sampling_rate, count, clipping_norm, noise_key,
                    is_key_shared, charged_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """,
            arguments: [
                job.rawValue, charge.round, attempt, charge.steps?.noiseMultiplier,
                charge.steps.flatMap { $0.sampling.rate }, charge.steps?.count ?? 0, charge.clippingNorm,
                charge.noiseKey.map { Data($0.bytes) }, charge.isKeyShared, moment,
            ]
        )
    }

    /// Whether the noise of the open round is decided, so that nothing more may be counted.
    func closes(_ round: Int) throws -> Bool {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT 1 FROM privacy_charge
                    WHERE job = ?1 AND round = ?2 AND noise_key IS NOT NULL
                        AND attempt = (SELECT abandoned_attempts FROM job WHERE id = ?1)
                    """
            ),
            arguments: [job.rawValue, round]
        )
        return row != nil
    }

    /// The charge of the present attempt at a round.
    func charge(ofRound round: Int) throws -> PrivacyCharge? {
        let row = try Row.fetchOne(
            db,
            sql: "SELECT * FROM privacy_charge WHERE job = ? AND round = ? AND attempt = ?",
            arguments: [job.rawValue, round, abandonedAttempts()]
        )
        guard let row else { return nil }
        return PrivacyCharge(
            round: round,
            steps: Self.steps(row),
            clippingNorm: row["clipping_norm"],
            noiseKey: try key(row),
            isKeyShared: row["is_key_shared"]
        )
    }

    /// Forgets the keys of a round that is over, and of earlier attempts at it, unless later rounds need them.
    func forgetKeys(through round: Int) throws {
        try db.execute(
            sql: "UPDATE privacy_charge SET noise_key = NULL WHERE job = ? AND round <= ? AND NOT is_key_shared",
            arguments: [job.rawValue, round]
        )
    }

    /// Forgets all keys of a job that has ended.
    func forgetKeys() throws {
        try db.execute(sql: "UPDATE privacy_charge SET noise_key = NULL WHERE job = ?", arguments: [job.rawValue])
    }

    /// Everything that was charged.
    func ledger() throws -> PrivacyLedger {
        let rows = try Row.fetchAll(
            db,
            sql: "SELECT * FROM privacy_charge WHERE job = ? ORDER BY sequence",
            arguments: [job.rawValue]
        )
        return PrivacyLedger(steps: rows.compactMap(Self.steps))
    }

    /// What the noise of all rounds is made from, where they share it.
    func sharedKey() throws -> NoiseKey? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT * FROM privacy_charge WHERE job = ? AND is_key_shared ORDER BY sequence DESC LIMIT 1
                """,
            arguments: [job.rawValue]
        )
        return try row.flatMap(key)
    }

    private func abandonedAttempts() throws -> Int {
        try Int.fetchOne(db, sql: "SELECT abandoned_attempts FROM job WHERE id = ?", arguments: [job.rawValue]) ?? 0
    }

    private static func steps(_ row: Row) -> NoisedSteps? {
        guard let multiplier = row["noise_multiplier"] as Double? else { return nil }
        return NoisedSteps(
            noiseMultiplier: multiplier,
            sampling: (row["sampling_rate"] as Double?).map { .poisson(rate: $0) } ?? .everyone,
            count: row["count"]
        )
    }

    private func key(_ row: Row) throws -> NoiseKey? {
        guard let bytes = row["noise_key"] as Data? else { return nil }
        guard let key = NoiseKey(bytes: Array(bytes)) else {
            throw CoordinatorError.corruptRecord(table: "privacy_charge", key: job.rawValue)
        }
        return key
    }
}

extension ParticipantSampling {
    /// The probability with which one takes part; `nil` for everybody.
    fileprivate var rate: Double? {
        switch self {
        case .everyone: nil
        case .poisson(let rate): rate
        }
    }
}
