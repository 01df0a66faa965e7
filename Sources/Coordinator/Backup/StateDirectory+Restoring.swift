package import Foundation
private import Transport

extension StateDirectory {
    /// Makes a state directory of what a backup holds.
    ///
    /// Every file is compared with the backup's own record, and the folder appears complete or not at all.
    ///
    /// - Parameters:
    ///   - backup: The folder that ``StateBackup`` wrote.
    ///   - root: Where; nothing may be there but an empty folder.
    /// - Returns: The state directory, and the backup's record.
    /// - Throws: ``CoordinatorError/notABackup(path:)``, ``CoordinatorError/backupDamaged(path:file:)``,
    ///   ``CoordinatorError/folderNotEmpty(path:)``, or why files cannot be read or written.
    package static func restore(
        from backup: URL,
        at root: URL
    ) throws -> (directory: StateDirectory, manifest: BackupManifest) {
        let manifest = try manifest(of: backup)
        let root = root.standardizedFileURL
        try FolderDraft.create(at: root) { draft in
            for folder in ["", "blobs", "partial"] {
                try FolderDraft.makeFolder(
                    draft.appendingPathComponent(payloadFolderName).appendingPathComponent(folder)
                )
            }
            for (path, file) in manifest.files.sorted(by: { $0.key < $1.key }) {
                let source = backup.appendingPathComponent(path)
                guard isWithinBackup(path), FileManager.default.fileExists(atPath: source.path) else {
                    throw CoordinatorError.backupDamaged(path: backup.path, file: path)
                }
                let copy = draft.appendingPathComponent(path)
                try FolderDraft.makeFolder(copy.deletingLastPathComponent())
                let found = BackupManifest.File(try DurableFile.copy(source, to: copy))
                guard found == file else { throw CoordinatorError.backupDamaged(path: backup.path, file: path) }
            }
        }
        return (try StateDirectory(opening: root), manifest)
    }

    private static func manifest(of backup: URL) throws -> BackupManifest {
        let file = backup.appendingPathComponent(StateBackup.manifestName)
        guard let bytes = try? Data(contentsOf: file) else { throw CoordinatorError.notABackup(path: backup.path) }
        guard let manifest = try? AdminCoding.decode(BackupManifest.self, from: bytes),
            manifest.format == BackupManifest.currentFormat
        else { throw CoordinatorError.backupDamaged(path: backup.path, file: StateBackup.manifestName) }
        return manifest
    }

    /// Whether a path of a manifest stays where it belongs: a name, or a few folders and a name.
    private static func isWithinBackup(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return (1...3).contains(parts.count) && parts.allSatisfy { !["", ".", ".."].contains($0) }
    }
}
