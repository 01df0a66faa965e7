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
        try replace(file.path, with: content, permissions: permissions)
    }

    /// Gives the file at `path` new content, as for a URL.
    package static func replace(
        _ path: String,
        with content: Data,
        permissions: Int = 0o644
    ) throws(FileError) {
        let temporary = temporaryName(for: path)
        let handle = try create(temporary, permissions: permissions)
        do throws(FileError) {
            try write(content, to: handle, named: temporary)
            try sync(handle, named: temporary)
            try move(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Makes a new, empty file and opens it for writing.
    static func create(_ path: String, permissions: Int) throws(FileError) -> FileHandle {
        try open(path, O_WRONLY | O_CREAT | O_EXCL, permissions: permissions)
    }

    /// Opens a file; it is closed when the handle goes away.
    static func open(_ path: String, _ flags: CInt, permissions: Int = 0) throws(FileError) -> FileHandle {
        FileHandle(
            fileDescriptor: try descriptor(of: path, flags, permissions: permissions),
            closeOnDealloc: true
        )
    }

    private static func descriptor(
        of path: String,
        _ flags: CInt,
        permissions: Int = 0
    ) throws(FileError) -> CInt {
        let isNew = flags & O_EXCL != 0
        let descriptor =
            (isNew ? createForOwner(of: parts(of: path).folder, parts(of: path).name, flags, permissions) : nil)
            ?? Glibc.open(path, flags | O_CLOEXEC, mode_t(permissions))
        guard descriptor >= 0 else { throw FileError(.open, path) }
        return descriptor
    }

    static func write(_ content: Data, to handle: FileHandle, named path: String) throws(FileError) {
        do {
            try handle.write(contentsOf: content)
        } catch {
            throw FileError(.write, path, underlying: error)
        }
    }

    /// Forces a file's content to disk.
    static func sync(_ handle: FileHandle, named path: String) throws(FileError) {
        guard fsync(handle.fileDescriptor) == 0 else { throw FileError(.sync, path) }
    }

    /// Renames within one folder and forces the folder to disk.
    package static func move(_ source: URL, to destination: URL) throws(FileError) {
        try move(source.path, to: destination.path)
    }

    /// Renames within one folder and forces the folder to disk.
    static func move(_ source: String, to destination: String) throws(FileError) {
        guard rename(source, destination) == 0 else { throw FileError(.rename, destination) }
        try syncFolder(of: destination)
    }

    /// Forces the names in a file's folder to disk.
    package static func syncFolder(of file: URL) throws(FileError) {
        try syncFolder(of: file.path)
    }

    /// Forces the names in a file's folder to disk.
    static func syncFolder(of path: String) throws(FileError) {
        let folder = parts(of: path).folder
        let descriptor = try Self.descriptor(of: folder, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(.sync, folder) }
    }

    /// Whether there is a file.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The length of a file, or `nil` when it is not there.
    static func length(of path: String) -> UInt64? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return UInt64(exactly: lseek(descriptor, 0, SEEK_END))
    }

    private static func temporaryName(for path: String) -> String {
        let suffix = String(UInt64.random(in: .min ... .max), radix: 16)
        let (folder, name) = parts(of: path)
        return "\(folder)/.\(name).\(suffix).tmp"
    }

    /// The folder that a file lies in, and its name there.
    private static func parts(of path: String) -> (folder: String, name: String) {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let folder = slash == bytes.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[bytes.index(after: slash)...]))
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
    init(_ operation: Operation, _ path: String) {
        self.operation = operation
        self.path = path
        self.reason = String(cString: strerror(errno))
    }

    init(_ operation: Operation, _ path: String, underlying error: any Error) {
        self.operation = operation
        self.path = path
        self.reason = error.localizedDescription
    }
}

extension FileError: CustomStringConvertible {
    package var description: String {
        "'\(path)' cannot \(operation.rawValue): \(reason). Check the disk, its free space and the folder's permissions."
    }
}
