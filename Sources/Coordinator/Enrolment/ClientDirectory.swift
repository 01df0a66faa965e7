package import Aggregation
package import FederatedLearning
package import Foundation
import GRDB
private import WireProtocol

/// Which silos may connect, with which certificates, and who was invited.
///
/// Identity is the certificate: a client is admitted when its certificate is one that this directory issued under that
/// name and has not revoked since.
package struct ClientDirectory: Sendable {
    let database: CoordinatorDatabase

    package init(database: CoordinatorDatabase) {
        self.database = database
    }

    // MARK: - Enrolment

    /// Records that whoever shows the secret with this hash may become `name`, until `expiry`.
    ///
    /// A name that is enrolled already may be invited again: that is how a silo gets a new key. The certificates it had
    /// are revoked when the invitation is used, not before.
    package func invite(_ name: String, secretHash: ContentDigest, expiry: Date, now: Date) async throws {
        guard ClientName.isValid(name) else { throw CoordinatorError.invalidClientName(name) }
        try await database.write { db in
            try db.execute(
                sql: "INSERT INTO invitation (secret_hash, client, created_at, expires_at) VALUES (?, ?, ?, ?)",
                arguments: [
                    secretHash.hexadecimal, name, now.timeIntervalSince1970, expiry.timeIntervalSince1970,
                ]
            )
            try AuditLog.append(.clientInvited, name, at: now, in: db)
        }
    }

    /// Uses up an invitation, in one transaction: the invitation is used if and only if the certificate is recorded.
    ///
    /// Transactions are serial, so of several that show the same secret one gets the certificate.
    ///
    /// - Parameters:
    ///   - secretHash: The hash of the secret that was shown.
    ///   - now: When it was shown.
    ///   - issue: Signs the certificate of the name that the invitation is bound to, and says what to keep of it.
    /// - Returns: What `issue` returned, or `nil` when there is no such invitation, or it was used, or it is past its time.
    /// - Throws: What `issue` throws; the invitation is still good then.
    package func redeem<Certificate: Sendable>(
        secretHash: ContentDigest,
        now: Date,
        issue: @escaping @Sendable (_ name: String) throws -> (Certificate, IssuedCertificate)
    ) async throws -> (certificate: Certificate, record: IssuedCertificate)? {
        try await database.write { db in
            let moment = now.timeIntervalSince1970
            let name = try String.fetchOne(
                db,
                sql: """
                    UPDATE invitation SET used_at = ?
                    WHERE secret_hash = ? AND used_at IS NULL AND expires_at > ?
                    RETURNING client
                    """,
                arguments: [moment, secretHash.hexadecimal, moment]
            )
            guard let name else { return nil }
            let (certificate, record) = try issue(name)
            try db.execute(
                sql: """
                    INSERT INTO client (name, enrolled_at) VALUES (?, ?)
                    ON CONFLICT DO UPDATE SET enrolled_at = excluded.enrolled_at, revoked_at = NULL
                    """,
                arguments: [name, moment]
            )
            try db.execute(
                sql: "UPDATE certificate SET revoked_at = ? WHERE client = ? AND revoked_at IS NULL",
                arguments: [moment, name]
            )
            try Self.insert(record, at: moment, in: db)
            try AuditLog.append(
                .clientEnrolled,
                name,
                "certificate \(record.fingerprint.hexadecimal)",
                at: now,
                in: db
            )
            return (certificate, record)
        }
    }

    private static func insert(_ record: IssuedCertificate, at moment: Double, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO certificate (fingerprint, serial, client, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                record.fingerprint.hexadecimal, record.serial, record.name, moment, record.expiry.timeIntervalSince1970,
            ]
        )
    }

    // MARK: - Renewal

    /// How many certificates a client may be given within the life of one: renewing at two thirds takes two, and an answer
    /// that is lost on the way another.
    static let renewalsPerLifetime = 16
    /// How long a certificate that has ended is remembered.
    private static let memoryOfEnded: Double = 90 * 86_400

    /// Records another certificate of a client, in one transaction with the look at the one that it has shown.
    ///
    /// The shown certificate stays good until its end: the client may never get the answer.
    ///
    /// - Parameters:
    ///   - name: The client.
    ///   - fingerprint: The certificate that it has shown.
    ///   - lifetime: How long certificates are valid.
    ///   - now: When it asked.
    ///   - issue: Signs the certificate, and says what to keep of it.
    /// - Returns: What `issue` returned, or `nil` when the shown certificate is not admitted or was renewed too often.
    /// - Throws: What `issue` throws; nothing is recorded then.
    package func renew<Certificate: Sendable>(
        _ name: String,
        fingerprint: ContentDigest,
        lifetime: Duration,
        now: Date,
        issue: @escaping @Sendable () throws -> (Certificate, IssuedCertificate)
    ) async throws -> Certificate? {
        let moment = now.timeIntervalSince1970
        return try await database.write { db in
            guard try Self.admission(of: name, fingerprint: fingerprint, in: db) == .admitted else { return nil }
            let recent = try Int.fetchOne(
                db,
                sql: "SELECT COUNT(*) FROM certificate WHERE client = ? AND issued_at > ?",
                arguments: [name, moment - lifetime / .seconds(1)]
            )
            guard recent ?? 0 < Self.renewalsPerLifetime else { return nil }
            let (certificate, record) = try issue()
            try Self.insert(record, at: moment, in: db)
            try db.execute(
                sql: "DELETE FROM certificate WHERE client = ? AND expires_at < ?",
                arguments: [name, moment - Self.memoryOfEnded]
            )
            try AuditLog.append(
                .clientRenewed,
                name,
                "certificate \(record.fingerprint.hexadecimal)",
                at: now,
                in: db
            )
            return certificate
        }
    }

    /// When the last certificate that is admitted now ends; `nil` when there is none.
    package func latestExpiry() async throws -> Date? {
        try await database.read { db in
            try Double.fetchOne(db, sql: "SELECT MAX(expires_at) FROM certificate WHERE revoked_at IS NULL")
                .map(Date.init(timeIntervalSince1970:))
        }
    }

    // MARK: - Admission

    /// Says whether the holder of a certificate may come in under `name`.
    package func admission(of name: String, fingerprint: ContentDigest) async throws -> Admission {
        try await database.read { db in try Self.admission(of: name, fingerprint: fingerprint, in: db) }
    }

    private static func admission(of name: String, fingerprint: ContentDigest, in db: Database) throws -> Admission {
        let row = try Row.fetchOne(
            db,
            sql: "SELECT client, revoked_at FROM certificate WHERE fingerprint = ?",
            arguments: [fingerprint.hexadecimal]
        )
        guard let row, row["client"] == name else { return .unknown }
        return row["revoked_at"] as Double? == nil ? .admitted : .revoked
    }

    /// Notes what a client said of itself when it connected.
    package func arrived(_ profile: ClientProfile, software: String, at now: Date) async throws {
        let tags = String(decoding: try JSONEncoder().encode(profile.tags), as: UTF8.self)
        try await database.write { db in
            try db.execute(
                sql: "UPDATE client SET last_contact = ?, maximum_rank = ?, tags = ?, software = ? WHERE name = ?",
                arguments: [
                    now.timeIntervalSince1970, profile.maximumRank, tags, software, profile.id.rawValue,
                ]
            )
        }
    }

    /// Notes when a client was heard of last, once its connection is over.
    package func departed(_ client: ClientID, at now: Date) async throws {
        try await database.write { db in
            try db.execute(
                sql: "UPDATE client SET last_contact = ? WHERE name = ?",
                arguments: [now.timeIntervalSince1970, client.rawValue]
            )
        }
    }

    /// Shuts a client out: none of its certificates is admitted any more.
    ///
    /// - Throws: ``CoordinatorError/unknownClient(_:)``.
    package func revoke(_ name: String, now: Date) async throws {
        let moment = now.timeIntervalSince1970
        try await database.write { db in
            try db.execute(
                sql: "UPDATE client SET revoked_at = COALESCE(revoked_at, ?) WHERE name = ?",
                arguments: [moment, name]
            )
            let isKnown = db.changesCount > 0
            // An unused invitation would let it in again.
            try db.execute(
                sql: "UPDATE invitation SET used_at = ? WHERE client = ? AND used_at IS NULL",
                arguments: [moment, name]
            )
            guard isKnown || db.changesCount > 0 else { throw CoordinatorError.unknownClient(name) }
            try db.execute(
                sql: "UPDATE certificate SET revoked_at = ? WHERE client = ? AND revoked_at IS NULL",
                arguments: [moment, name]
            )
            try AuditLog.append(.clientRevoked, name, at: now, in: db)
        }
    }

    // MARK: - Listing

    /// Returns every enrolled client by name.
    package func clients() async throws -> [ClientRecord] {
        try await database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT client.*, MAX(certificate.expires_at) AS expires_at FROM client
                    LEFT JOIN certificate ON certificate.client = client.name AND certificate.revoked_at IS NULL
                    GROUP BY client.name ORDER BY client.name
                    """
            ).map(ClientRecord.init(row:))
        }
    }
}

/// Whether a certificate lets its holder in.
package enum Admission: Hashable, Sendable {
    case admitted
    /// It was issued here and is revoked.
    case revoked
    /// It was not issued here, or not under that name.
    case unknown
}

/// What the directory keeps of a certificate.
package struct IssuedCertificate: Hashable, Sendable {
    /// The client that it names.
    package let name: String
    /// The SHA-256 of the certificate in DER.
    package let fingerprint: ContentDigest
    package let serial: String
    package let expiry: Date

    package init(name: String, fingerprint: ContentDigest, serial: String, expiry: Date) {
        self.name = name
        self.fingerprint = fingerprint
        self.serial = serial
        self.expiry = expiry
    }
}
