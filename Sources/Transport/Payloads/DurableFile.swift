package import Foundation
import Glibc

/// Files that are either whole or not there, whatever happens to the machine.
///
/// New content goes into a temporary file beside the destination, is forced to disk, takes the destination's name in one
/// step, and the folder is forced to disk after that.
package enum DurableFile {
    /// Gives `file` new content.
    ///
    /// - Parameters:
    ///   - file: What to write; its folder exists.
    ///   - content: All of the new content.
    ///   - permissions: The file's mode, from its first moment.
    /// - Throws: ``FileError``; the old content is intact then, unless forcing the folder to disk failed.
    package static func replace(
        _ file: URL,
        with content: Data,
        permissions: Int = 0o644
    ) throws(FileError) {
        let temporary = temporaryName(for: file)
        let handle = try create(temporary, permissions: permissions)
        do throws(FileError) {
            try write(content, to: handle, named: temporary)
            try sync(handle, named: temporary)
            try move(temporary, to: file)
        } catch {
            unlink(temporary.path)
            throw error
        }
    }

    /// Makes a new, empty file and opens it for writing.
    static func create(_ file: URL, permissions: Int) throws(FileError) -> FileHandle {
        try open(file, O_WRONLY | O_CREAT | O_EXCL, permissions: permissions)
    }

    /// Opens a file; it is closed when the handle goes away.
    static func open(_ file: URL, _ flags: CInt, permissions: Int = 0) throws(FileError) -> FileHandle {
        let descriptor = Glibc.open(file.path, flags | O_CLOEXEC, mode_t(permissions))
        guard descriptor >= 0 else { throw FileError(.open, file) }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    static func write(_ content: Data, to handle: FileHandle, named file: URL) throws(FileError) {
        do {
            try handle.write(contentsOf: content)
        } catch {
            throw FileError(.write, file, underlying: error)
        }
    }

    /// Forces a file's content to disk.
    static func sync(_ handle: FileHandle, named file: URL) throws(FileError) {
        guard fsync(handle.fileDescriptor) == 0 else { throw FileError(.sync, file) }
    }

    /// Renames within one folder and forces the folder to disk.
    package static func move(_ source: URL, to destination: URL) throws(FileError) {
        guard rename(source.path, destination.path) == 0 else { throw FileError(.rename, destination) }
        try syncFolder(of: destination)
    }

    /// Forces the names in a file's folder to disk.
    package static func syncFolder(of file: URL) throws(FileError) {
        let folder = file.deletingLastPathComponent()
        let handle = try open(folder, O_RDONLY | O_DIRECTORY)
        try sync(handle, named: folder)
    }

    static func temporaryName(for file: URL) -> URL {
        let suffix = String(UInt64.random(in: .min ... .max), radix: 16)
        let name = ".\(file.lastPathComponent).\(suffix).tmp"
        return file.deletingLastPathComponent().appendingPathComponent(name, isDirectory: false)
    }
}

/// A file operation that the system refused.
package struct FileError: Error, Sendable, Equatable {
    package enum Operation: String, Sendable {
        case open = "be opened"
        case read = "be read"
        case write = "be written"
        /// After this one nothing is known about what is on disk: the process should stop, and never try again.
        case sync = "be forced to disk"
        case rename = "get its name"
        case remove = "be removed"
    }

    package let operation: Operation
    package let path: String
    package let reason: String

    /// Describes the failure that `errno` holds.
    init(_ operation: Operation, _ file: URL) {
        self.operation = operation
        self.path = file.path
        self.reason = String(cString: strerror(errno))
    }

    init(_ operation: Operation, _ file: URL, underlying error: any Error) {
        self.operation = operation
        self.path = file.path
        self.reason = error.localizedDescription
    }
}

extension FileError: CustomStringConvertible {
    package var description: String {
        "'\(path)' cannot \(operation.rawValue): \(reason). Check the disk, its free space and the folder's permissions."
    }
}
