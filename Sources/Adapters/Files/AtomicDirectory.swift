package import Foundation
private import Glibc

/// Directories that appear whole or not at all.
package enum AtomicDirectory {
    /// What an earlier adapter's directory may hold for it to be replaced: what PEFT writes, and nothing of the user's.
    private static let replaceable: Set<String> = [
        PEFTDirectory.configurationFileName, PEFTDirectory.tensorsFileName, "README.md",
    ]

    /// Builds a directory beside `url` and moves it there when it is complete and on disk.
    ///
    /// - Parameters:
    ///   - url: Where the directory is to be; missing folders above it are made.
    ///   - replacing: Whether an earlier adapter's directory there is replaced.
    ///   - body: Fills the directory it is given. When it throws, nothing is left of it.
    /// - Throws: What `body` throws, ``AdapterError/directoryInUse(path:)`` or
    ///   ``AdapterError/cannotWrite(path:reason:)``.
    package static func create(
        at url: URL,
        replacing: Bool = false,
        _ body: (URL) throws(AdapterError) -> Void
    ) throws(AdapterError) {
        let earlier = try vacancy(of: url, replacing: replacing)
        let target = resolved(url)
        let parent = target.deletingLastPathComponent()
        let madeParents = try makeFolders(upTo: parent)
        let partial = sibling(of: target, called: "partial")
        var isDone = false
        defer {
            if !isDone {
                try? FileManager.default.removeItem(at: partial)
                // Innermost first; one that something else has been put into stays.
                for folder in madeParents { rmdir(folder.path) }
            }
        }
        try makeFolder(partial)
        try body(partial)
        try DurableFile.syncTree(partial)
        try move(partial, to: target, isReplacing: !earlier.isEmpty)
        isDone = true
        try DurableFile.syncFolder(parent)
    }

    /// Checks that ``create(at:replacing:_:)`` would find room, before work is spent on what is to be written.
    package static func checkVacancy(of url: URL) throws(AdapterError) {
        _ = try vacancy(of: url, replacing: false)
    }

    private static func resolved(_ url: URL) -> URL {
        url.standardizedFileURL.resolvingSymlinksInPath()
    }

    /// Returns the names in an earlier directory that may be replaced; none when nothing is there.
    private static func vacancy(of url: URL, replacing: Bool) throws(AdapterError) -> [String] {
        let earlier = try contents(of: resolved(url))
        guard earlier.isEmpty || replacing && replaceable.isSuperset(of: earlier) else {
            throw .directoryInUse(path: url.path)
        }
        return earlier
    }

    /// Returns the names in the folder at `url`; none when nothing is there.
    private static func contents(of url: URL) throws(AdapterError) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue else {
            throw .cannotWrite(path: url.path, reason: "a file is in the place of the directory")
        }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: url.path)
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    private static func sibling(of url: URL, called purpose: String) -> URL {
        url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).\(purpose)-\(UUID().uuidString)", isDirectory: true)
    }

    /// Makes the folders that are missing down to `url` and returns them, innermost first.
    private static func makeFolders(upTo url: URL) throws(AdapterError) -> [URL] {
        var missing: [URL] = []
        var folder = url
        while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" {
            missing.append(folder)
            folder.deleteLastPathComponent()
        }
        for (index, folder) in missing.enumerated().reversed() {
            do {
                try makeFolder(folder)
            } catch {
                for made in missing[(index + 1)...] { rmdir(made.path) }
                throw error
            }
        }
        return missing
    }

    private static func makeFolder(_ url: URL) throws(AdapterError) {
        guard mkdir(url.path, 0o777) == 0 else { throw DurableFile.failure(at: url) }
    }

    /// Puts `partial` in the place of `target`.
    private static func move(_ partial: URL, to target: URL, isReplacing: Bool) throws(AdapterError) {
        let old = sibling(of: target, called: "old")
        if isReplacing {
            guard rename(target.path, old.path) == 0 else { throw DurableFile.failure(at: target) }
        }
        guard rename(partial.path, target.path) == 0 else {
            let failure = DurableFile.failure(at: target)
            if isReplacing { rename(old.path, target.path) }
            throw failure
        }
        if isReplacing { try? FileManager.default.removeItem(at: old) }
    }
}
