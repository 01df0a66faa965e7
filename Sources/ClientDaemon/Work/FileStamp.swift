import Foundation
private import Glibc

/// What tells a file from another one in its place, and from what it was before somebody wrote to it.
struct FileStamp: Hashable, Sendable {
    private let byteCount: Int64
    /// When anything of it changed last, in whole seconds and the nanoseconds after them.
    ///
    /// That is also when it was renamed, and nobody who copies can set it back. The numbers of files, which would tell two of them
    /// apart where a folder or a link is switched, change by themselves on some file systems.
    private let seconds: Int
    private let nanoseconds: Int

    /// Looks at the file at `url`, or at the one that a link there leads to; `nil` when there is none.
    init?(of url: URL) {
        var status = stat()
        guard stat(url.path, &status) == 0 else { return nil }
        byteCount = Int64(status.st_size)
        seconds = Int(status.st_ctim.tv_sec)
        nanoseconds = Int(status.st_ctim.tv_nsec)
    }
}
