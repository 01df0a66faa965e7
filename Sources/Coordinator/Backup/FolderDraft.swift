import Foundation
private import Glibc
private import Transport

/// Folders that appear complete or not at all: put together beside their place, and renamed.
enum FolderDraft {
    /// Makes a folder that only its owner can enter.
    ///
    /// - Parameters:
    ///   - root: Where; nothing may be there but an empty folder.
    ///   - fill: Puts everything into the folder that it is given.
    /// - Returns: What `fill` returns.
    /// - Throws: ``CoordinatorError/folderNotEmpty(path:)``, what `fill` throws, or why the folder cannot be made; nothing is
    ///   left behind then.
    static func create<Result>(at root: URL, _ fill: (URL) throws -> Result) throws -> Result {
        let present = (try? FileManager.default.contentsOfDirectory(atPath: root.path))?.count
        guard present ?? 0 == 0, present != nil || !FileManager.default.fileExists(atPath: root.path) else {
            throw CoordinatorError.folderNotEmpty(path: root.path)
        }
        let parent = root.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let draft = parent.appendingPathComponent(".\(root.lastPathComponent).\(UUID().uuidString)", isDirectory: true)
        do {
            try makeFolder(draft)
            let result = try fill(draft)
            guard rename(draft.path, root.path) == 0 else { throw failure(root) }
            try DurableFile.syncFolder(of: root)
            return result
        } catch {
            try? FileManager.default.removeItem(at: draft)
            throw error
        }
    }

    /// Makes a folder within a draft, unless it is there.
    static func makeFolder(_ folder: URL) throws {
        guard mkdir(folder.path, 0o700) == 0 || errno == EEXIST else { throw failure(folder) }
    }

    private static func failure(_ file: URL) -> CoordinatorError {
        .fileFailed(path: file.path, action: .create, reason: String(cString: strerror(errno)))
    }
}
