import Foundation
private import Glibc

/// Files that are on disk when a call returns.
enum DurableFile {
    /// Writes a new file piece by piece and syncs it.
    static func write(_ document: SafetensorsDocument, to url: URL) throws(AdapterError) {
        try write(to: url) { handle in
            try document.forEachPiece { try handle.write(contentsOf: $0) }
        }
    }

    /// Writes a new file and syncs it.
    static func write(_ text: String, to url: URL) throws(AdapterError) {
        try write(to: url) { try $0.write(contentsOf: Array(text.utf8)) }
    }

    /// Lets `body` fill a new file, and syncs it.
    ///
    /// - Throws: The ``AdapterError`` that `body` throws; anything else as ``AdapterError/cannotWrite(path:reason:)``.
    static func write(to url: URL, _ body: (FileHandle) throws -> Void) throws(AdapterError) {
        let descriptor = open(url.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(at: url) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        do {
            defer { try? handle.close() }
            try body(handle)
            try handle.synchronize()
        } catch let error as AdapterError {
            throw error
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    /// Writes a file that appears whole or not at all, where nothing is yet.
    ///
    /// - Throws: As ``write(to:_:)``. Nothing is left behind then.
    static func create(_ url: URL, _ body: (FileHandle) throws -> Void) throws(AdapterError) {
        let partial = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).partial-\(UUID().uuidString)")
        defer { unlink(partial.path) }
        try write(to: partial, body)
        // A link, because renaming would write over a file that somebody else has put there meanwhile.
        guard link(partial.path, url.path) == 0 else { throw failure(at: url) }
        try syncFolder(url.deletingLastPathComponent())
    }

    /// Makes the entries of a folder and of those inside it durable.
    static func syncTree(_ url: URL) throws(AdapterError) {
        try syncFolder(url)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        for name in names {
            let entry = url.appendingPathComponent(name)
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: entry.path, isDirectory: &isFolder), isFolder.boolValue {
                try syncTree(entry)
            }
        }
    }

    /// Makes the entries of a folder durable.
    static func syncFolder(_ url: URL) throws(AdapterError) {
        let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(at: url) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(at: url) }
    }

    /// The error that the latest system call left.
    static func failure(at url: URL) -> AdapterError {
        let code = errno
        let reason = NSError(domain: NSPOSIXErrorDomain, code: Int(code)).localizedFailureReason
        return .cannotWrite(path: url.path, reason: reason ?? "error \(code)")
    }
}
