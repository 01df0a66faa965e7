/// What one machine's disk holds, and what of it a power cut would leave.
///
/// A value without I/O. Files are what POSIX promises and no more: content lasts when the file was forced to disk, a name
/// when its folder was; until then any beginning of the sequence of changes may have reached the disk, and of the last
/// write a part. Folders last as soon as they are made.
package struct Volume {
    private enum NameChange {
        case set(String, file: Int)
        /// What is moved, whether or not its old name would have lasted.
        case move(from: String, to: String, file: Int?)
        case remove(String)

        func names(_ path: String) -> Bool {
            switch self {
            case .set(let name, _), .remove(let name): name == path
            case .move(let from, let to, _): from == path || to == path
            }
        }
    }

    private var files: [FileImage] = []
    /// Which file programs see at each path that was changed; `nil` inside for none.
    private var present: [String: Int?] = [:]
    /// Which one a power cut leaves there in any case.
    private var durable: [String: Int?] = [:]
    /// What may have reached the disk, with the folder that makes it last when it is forced to disk.
    private var pending: [(folder: String, change: NameChange)] = []

    package init() {}

    package static func folder(of path: String) -> String {
        String(path[..<(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)])
    }

    /// Whether the path was looked at before.
    package func knows(_ path: String) -> Bool { present[path] != nil }

    /// Takes note of a path before it is changed for the first time; `content` is `nil` where nothing is.
    package mutating func learn(_ path: String, content: [UInt8]?) {
        guard present[path] == nil else { return }
        var file: Int?
        if let content {
            files.append(FileImage(durable: content))
            file = files.count - 1
        }
        present[path] = .some(file)
        durable[path] = .some(file)
    }

    /// The number of the file at a known path.
    package func file(at path: String) -> Int? { present[path] ?? nil }

    /// Makes an empty file at a known path where none is.
    package mutating func create(_ path: String) -> Int {
        files.append(FileImage(durable: []))
        present[path] = files.count - 1
        pending.append((Self.folder(of: path), .set(path, file: files.count - 1)))
        return files.count - 1
    }

    package mutating func write(_ bytes: [UInt8], at offset: Int, of file: Int) {
        files[file].write(bytes, at: offset)
    }

    package mutating func truncate(_ file: Int, to length: Int) { files[file].truncate(to: length) }

    package mutating func sync(_ file: Int) { files[file].sync() }

    /// Loses what was not forced to disk, as a failed fsync does: it is still seen, and nothing will write it any more.
    package mutating func losePending(of file: Int) { files[file].losePending() }

    package func length(of file: Int) -> Int { files[file].length }

    package mutating func move(_ from: String, to: String) {
        let change = NameChange.move(from: from, to: to, file: file(at: from))
        pending.append((Self.folder(of: to), change))
        Self.apply(change, to: &present)
    }

    package mutating func remove(_ path: String) {
        pending.append((Self.folder(of: path), .remove(path)))
        present[path] = .some(nil)
    }

    package mutating func sync(folder: String) {
        for entry in pending where entry.folder == folder { Self.apply(entry.change, to: &durable) }
        pending.removeAll { $0.folder == folder }
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int?]) {
        switch change {
        case .set(let path, let file): names[path] = .some(file)
        case .move(let from, let to, let file):
            names[to] = .some(file)
            names[from] = .some(nil)
        case .remove(let path): names[path] = .some(nil)
        }
    }

    // MARK: - What is left

    /// Goes on in another folder, as after a process was killed whose machine lives.
    ///
    /// What its files hold is seen by the next process, forced to disk or not.
    ///
    /// - Parameters:
    ///   - folder: The folder of all paths so far.
    ///   - other: What it is called from now on.
    /// - Returns: What the next process finds.
    package func moved(from folder: String, to other: String) -> Volume {
        func moved(_ path: String) -> String { path.hasPrefix(folder) ? other + path.dropFirst(folder.count) : path }
        var volume = self
        volume.present = Dictionary(uniqueKeysWithValues: present.map { (moved($0.key), $0.value) })
        volume.durable = Dictionary(uniqueKeysWithValues: durable.map { (moved($0.key), $0.value) })
        volume.pending = pending.map { folder, change in
            switch change {
            case .set(let path, let file): (moved(folder), .set(moved(path), file: file))
            case .move(let from, let to, let file): (moved(folder), .move(from: moved(from), to: moved(to), file: file))
            case .remove(let path): (moved(folder), .remove(moved(path)))
            }
        }
        return volume
    }

    /// Forgets what is known of a path, of which somebody else has made a file that lasts.
    package mutating func forget(_ path: String) {
        present[path] = nil
        durable[path] = nil
        pending.removeAll { $0.change.names(path) }
    }

    /// The content of every changed path after the process was killed: everything that it did; `nil` for none.
    package var afterKill: [String: [UInt8]?] {
        present.mapValues { $0.map { files[$0].content } }
    }

    /// The content of every changed path after a power cut, as `generator` draws it among all that is possible.
    package func afterPowerCut(using generator: inout some RandomNumberGenerator) -> [String: [UInt8]?] {
        var names = durable
        for entry in pending.prefix(Int.random(in: 0...pending.count, using: &generator)) {
            Self.apply(entry.change, to: &names)
        }
        return names.sorted { $0.key < $1.key }.reduce(into: [:]) { content, name in
            content[name.key] = .some(name.value.map { files[$0].remains(using: &generator) })
        }
    }
}
