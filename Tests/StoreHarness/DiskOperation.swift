import CSystemCalls

/// Something that a process did to the files of a folder, as far as a crash can undo it.
enum DiskOperation: Hashable, Sendable {
    /// A new, empty file. Files are numbers, however they are called.
    case create(path: String, file: Int)
    case write(file: Int, offset: Int, bytes: [UInt8])
    /// The file ends there now.
    case truncate(file: Int, length: Int)
    /// The file is at least that long: what a lost write leaves when the new length is not lost.
    case extend(file: Int, length: Int)
    case sync(file: Int)
    case syncFolder(String)
    /// One name in place of another, in the same folder.
    case rename(from: String, to: String, file: Int)
    /// A name, in place of what had it.
    case link(path: String, file: Int)
    case remove(path: String)
    case makeFolder(String)
    /// Something was acknowledged; the number is its place among all acknowledgements.
    case acknowledge(Int)
}

extension DiskOperation {
    /// What a crash can undo of it, as long as `sync` or `syncFolder` of that has not come.
    enum Scope: Hashable {
        case content(file: Int)
        case names(folder: String)
    }

    var scope: Scope? {
        switch self {
        case .write(let file, _, _), .truncate(let file, _), .extend(let file, _): .content(file: file)
        case .create(let path, _), .link(let path, _), .remove(let path), .makeFolder(let path),
            .rename(_, let path, _):
            .names(folder: Self.folder(of: path))
        case .sync, .syncFolder, .acknowledge: nil
        }
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// Everything that was recorded so far.
    ///
    /// A rename from one folder to another is two operations: each folder keeps its own half.
    static func recorded() -> [DiskOperation] {
        var names: [String: Int] = [:]
        var operations: [DiskOperation] = []
        for index in 0..<system_calls_count() {
            let call = system_calls_at(index)
            let path = call.path.map { String(cString: $0) } ?? ""
            let file = Int(call.file)
            switch Int(call.kind) {
            case Int(system_call_create):
                names[path] = file
                operations.append(.create(path: path, file: file))
            case Int(system_call_write):
                let bytes = [UInt8](UnsafeBufferPointer(start: call.bytes, count: call.length))
                operations.append(.write(file: file, offset: Int(call.offset), bytes: bytes))
            case Int(system_call_truncate): operations.append(.truncate(file: file, length: Int(call.offset)))
            case Int(system_call_sync): operations.append(.sync(file: file))
            case Int(system_call_sync_folder): operations.append(.syncFolder(path))
            case Int(system_call_rename):
                let target = call.other.map { String(cString: $0) } ?? ""
                guard let moved = names.removeValue(forKey: path) else { continue }
                names[target] = moved
                if folder(of: path) == folder(of: target) {
                    operations.append(.rename(from: path, to: target, file: moved))
                } else {
                    operations += [.link(path: target, file: moved), .remove(path: path)]
                }
            case Int(system_call_remove):
                names[path] = nil
                operations.append(.remove(path: path))
            case Int(system_call_make_folder): operations.append(.makeFolder(path))
            default: operations.append(.acknowledge(file))
            }
        }
        return operations
    }
}
