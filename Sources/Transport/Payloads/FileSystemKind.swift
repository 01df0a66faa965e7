package import Foundation

/// What a folder lies on, as far as it matters for keeping something there for good.
///
/// A database with a write-ahead log and a lock need memory and locks that all processes share. Network file systems
/// promise neither, and some answer an fsync before anything is on a disk.
package enum FileSystemKind: Sendable, Hashable {
    case local
    /// Locks or shared memory are known not to work; the name is the system's.
    case network(String)
    /// A program answers for the files, and what it promises is unknown.
    case userspace(String)

    /// Names the kind that the system calls `type`.
    package init(type: String) {
        let network = [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "ocfs2", "gfs2", "glusterfs", "beegfs",
        ]
        if network.contains(type) {
            self = .network(type)
        } else if type == "9p" || type == "fuse" || type.hasPrefix("fuse.") {
            self = .userspace(type)
        } else {
            self = .local
        }
    }

    /// Looks at the file system of `folder`, which exists.
    ///
    /// - Throws: ``FileError`` when the system does not say.
    package init(of folder: URL) throws(FileError) {
        let table = URL(fileURLWithPath: "/proc/self/mountinfo")
        do {
            let text = try String(contentsOf: table, encoding: .utf8)
            self.init(type: Self.type(of: folder.resolvingSymlinksInPath().path, in: text) ?? "")
        } catch {
            throw FileError(.read, table.path, underlying: error)
        }
    }

    /// Finds the type of the mount that holds `path`: the longest mount point before it, the latest of several there.
    ///
    /// A line of proc_pid_mountinfo(5):
    ///
    /// ```
    /// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    ///                  mount point      optional   type
    /// ```
    static func type(of path: String, in table: String) -> String? {
        var best: (length: Int, type: String)?
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, let separator = fields[5...].firstIndex(of: "-"), separator + 1 < fields.count
            else {
                continue
            }
            let point = unescaped(fields[4])
            guard point == "/" || path == point || path.hasPrefix(point + "/") else { continue }
            let length = point.utf8.count
            if length >= best?.length ?? 0 { best = (length, String(fields[separator + 1])) }
        }
        return best?.type
    }

    /// Puts back the blanks and backslashes that the table writes as octal numbers.
    private static func unescaped(_ field: Substring) -> String {
        String(field).replacing("\\040", with: " ").replacing("\\011", with: "\t").replacing("\\012", with: "\n")
            .replacing("\\134", with: "\\")
    }
}
