package import Foundation

/// What a backup holds: the content of `backup.json`, which is written last.
package struct BackupManifest: Hashable, Sendable, Codable {
    /// One file of the backup.
    package struct File: Hashable, Sendable, Codable {
        package let bytes: UInt64
        /// 64 hexadecimal digits.
        package let sha256: String

        package init(bytes: UInt64, sha256: String) {
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// The only format so far.
    package static let currentFormat = 1

    package let format: Int
    /// The moment of which everything in the backup tells.
    package let madeAt: Date
    package let software: String
    /// Where the audit log's chain ended: `audit verify --since` takes it.
    package let auditHead: String
    /// Every file by its path within the backup.
    package let files: [String: File]
    /// Files that are not in the backup, because they were missing or damaged already.
    package let missing: [String]

    package init(
        format: Int = currentFormat,
        madeAt: Date,
        software: String = Software.description,
        auditHead: String,
        files: [String: File],
        missing: [String]
    ) {
        self.format = format
        self.madeAt = madeAt
        self.software = software
        self.auditHead = auditHead
        self.files = files
        self.missing = missing
    }

    enum CodingKeys: String, CodingKey {
        case format
        case madeAt = "made_at"
        case software
        case auditHead = "audit_head"
        case files, missing
    }
}
