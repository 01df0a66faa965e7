import Foundation

extension SimulatedDisk {
    /// Lays out the disk of a dead process as a fresh folder, for the process that takes its place.
    ///
    /// - Parameters:
    ///   - folder: What the dead process called its own.
    ///   - copy: Where the fresh folder goes.
    ///   - changes: What is at each path that it changed; everything else is as it was.
    /// - Throws: When the files cannot be copied.
    static func layOut(_ folder: URL, as copy: URL, changes: [String: [UInt8]?]) throws {
        let files = FileManager.default
        try files.createDirectory(at: copy, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard let entries = files.enumerator(atPath: folder.path) else { return }
        while let name = entries.nextObject() as? String {
            let (from, to) = (folder.appendingPathComponent(name), copy.appendingPathComponent(name))
            let attributes = try files.attributesOfItem(atPath: from.path)
            if attributes[.type] as? FileAttributeType == .typeDirectory {
                try files.createDirectory(at: to, withIntermediateDirectories: true)
            } else if changes[from.path] == nil, !name.hasSuffix("-shm"), !name.hasSuffix("status.json") {
                try files.copyItem(at: from, to: to)
            }
        }
        for (path, content) in changes.sorted(by: { $0.key < $1.key }) where path.hasPrefix(folder.path) {
            guard let content else { continue }
            let file = URL(fileURLWithPath: copy.path + path.dropFirst(folder.path.count))
            try Data(content).write(to: file)
            try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        }
    }
}
