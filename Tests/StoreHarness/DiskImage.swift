import Crypto
import Foundation

/// What a disk holds of a folder.
struct DiskImage: Sendable {
    private var folders: Set<String> = []
    private var names: [String: Int] = [:]
    private var contents: [Int: DiskFile] = [:]

    mutating func apply(_ operation: DiskOperation) {
        switch operation {
        case .create(let path, let file), .link(let path, let file): names[path] = file
        case .write(let file, let offset, let bytes): contents[file, default: DiskFile()].write(bytes, at: offset)
        case .truncate(let file, let length): contents[file, default: DiskFile()].truncate(to: length)
        case .extend(let file, let length): contents[file, default: DiskFile()].extend(to: length)
        case .rename(let from, let to, let file):
            if names[from] == file { names[from] = nil }
            names[to] = file
        case .remove(let path):
            names[path] = nil
            folders.remove(path)
        case .makeFolder(let path): folders.insert(path)
        case .sync, .syncFolder, .acknowledge: break
        }
    }

    /// Makes the files in an empty folder.
    ///
    /// A folder that was lost is there all the same: files may be in it.
    func write(to root: URL) throws {
        for folder in folders.sorted() {
            try FileManager.default.createDirectory(at: root.appending(path: folder), withIntermediateDirectories: true)
        }
        for (path, file) in names {
            let target = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(contents[file]?.bytes ?? []).write(to: target)
        }
    }

    /// The same for images that nobody can tell apart.
    var fingerprint: SHA256.Digest {
        var hash = SHA256()
        for (path, file) in names.sorted(by: { $0.key < $1.key }) {
            let content = contents[file] ?? DiskFile()
            hash.update(data: Data("\(path)\n\(content.count)\n".utf8))
            content.add(to: &hash)
        }
        return hash.finalize()
    }
}
