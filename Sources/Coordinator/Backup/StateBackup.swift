private import FederatedLearning
package import Foundation
import Transport
private import WireProtocol

/// A copy of a state directory that shows all of it at one moment, made while a server works there.
///
/// The database is copied by SQLite, which shows the copy one committed state. Before that the payload folder is held, so
/// that every payload which that state names is still there when its turn comes; payloads never change. Every payload is
/// compared with the digest that names it.
package struct StateBackup: Sendable {
    /// What a backup came to.
    package struct Outcome: Sendable {
        package let folder: URL
        package let manifest: BackupManifest
        /// Payloads that could not be copied, because they are missing or damaged.
        package let damage: [PayloadDamage]
    }

    static let manifestName = "backup.json"

    private let directory: StateDirectory

    package init(of directory: StateDirectory) {
        self.directory = directory
    }

    /// Writes the backup, which appears complete or not at all.
    ///
    /// - Parameters:
    ///   - target: Where; nothing may be there but an empty folder.
    ///   - now: The time, for the record.
    /// - Returns: What was copied, and what could not be.
    /// - Throws: ``CoordinatorError/folderNotEmpty(path:)``, or why the copy cannot be read or written.
    @concurrent
    package func write(to target: URL, now: Date) async throws -> Outcome {
        let target = target.standardizedFileURL
        let store = try directory.openStore()
        return try FolderDraft.create(at: target) { draft in
            let hold = try store.payloads.store.hold()
            defer { withExtendedLifetime(hold) {} }
            var files: [String: BackupManifest.File] = [:]
            for path in try directory.configurationFiles() {
                let copy = draft.appendingPathComponent(path)
                try FolderDraft.makeFolder(copy.deletingLastPathComponent())
                let summary = try DurableFile.copy(directory.root.appendingPathComponent(path), to: copy)
                files[path] = BackupManifest.File(summary)
            }
            let database = draft.appendingPathComponent(StateDirectory.databaseName)
            let (needed, head) = try directory.openDatabase().copy(to: database) { db in
                (try SQLiteRunStore.neededPayloads(in: db), try AuditLog.head(in: db))
            }
            files[StateDirectory.databaseName] = BackupManifest.File(try DurableFile.settle(database))
            let damage = try copyPayloads(needed, of: store, into: draft, listing: &files)
            let manifest = BackupManifest(
                madeAt: now,
                auditHead: head.description,
                files: files,
                missing: damage.map { StateDirectory.payloadPath($0.digest) }.sorted()
            )
            try DurableFile.replace(
                draft.appendingPathComponent(Self.manifestName),
                with: AdminCoding.encode(manifest),
                permissions: 0o600
            )
            return Outcome(folder: target, manifest: manifest, damage: damage)
        }
    }

    private func copyPayloads(
        _ needed: Set<ContentDigest>,
        of store: CoordinatorStore,
        into draft: URL,
        listing files: inout [String: BackupManifest.File]
    ) throws -> [PayloadDamage] {
        var damage: [PayloadDamage] = []
        let folder = draft.appendingPathComponent(StateDirectory.payloadFolderName)
        for sub in ["", "blobs", "partial"] { try FolderDraft.makeFolder(folder.appendingPathComponent(sub)) }
        for digest in needed.sorted(by: { $0.hexadecimal < $1.hexadecimal }) {
            let source = store.payloads.file(of: digest)
            let path = StateDirectory.payloadPath(digest)
            let copy = draft.appendingPathComponent(path)
            guard FileManager.default.fileExists(atPath: source.path) else {
                damage.append(try store.runs.damage(.missing, of: digest))
                continue
            }
            let summary = try DurableFile.copy(source, to: copy)
            if summary.digest == PayloadDigest(digest) {
                files[path] = BackupManifest.File(summary)
            } else {
                try FileManager.default.removeItem(at: copy)
                damage.append(try store.runs.damage(.changed, of: digest))
            }
        }
        return damage
    }
}

extension BackupManifest.File {
    init(_ summary: FileSummary) {
        self.init(bytes: summary.byteCount, sha256: summary.digest.hexadecimal)
    }
}
