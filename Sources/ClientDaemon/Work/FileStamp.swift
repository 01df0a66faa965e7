import Foundation
private import Glibc

/// What tells a file from another one in its place, and from what it was before somebody wrote to it.
struct FileStamp: Hashable, Sendable {
    private let inode: UInt64
    private let byteCount: Int64
    /// When it was written, in whole seconds and the nanoseconds after them.
    private let seconds: Int
    private let nanoseconds: Int

    /// Looks at the file at `url`, or at the one that a link there leads to; `nil` when there is none.
    init?(of url: URL) {
        var status = stat()
        guard stat(url.path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        byteCount = Int64(status.st_size)
        seconds = Int(status.st_mtim.tv_sec)
        nanoseconds = Int(status.st_mtim.tv_nsec)
    }
}
