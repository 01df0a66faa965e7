import Glibc
import TestSupport

/// The disks of all simulated machines: real files in a folder in memory, and beside them what a power cut would leave.
///
/// Programs read and write the real files; every change passes through here first (``SimulatedSystem``), on behalf of the
/// process that runs. It keeps the books of each machine's ``Volume``, and does what is wrong with its disk
/// (``DiskCondition``).
final class SimulatedDisk {
    private struct OpenFile {
        let path: String
        /// `nil` for folders, and for files that are only read.
        let file: Int?
        let process: SimulatedProcess
        let appends: Bool
    }

    private struct Lock {
        let file: Int32
        let process: SimulatedProcess
        let isExclusive: Bool
    }

    /// Every path of a simulated process begins with this.
    let root: String
    /// Told of every change that is about to happen: what it is, and to which file.
    var observe: (SimulatedProcess, _ kind: StaticString, _ path: String) -> Void = { _, _, _ in }
    /// Called at the change at which a process has to die.
    var onDeath: (SimulatedProcess) -> Void = { _ in }
    /// Which fsyncs only seem to happen; for bugs that are planted.
    var skipsSync: (SimulatedProcess, String) -> Bool = { _, _ in false }
    /// Whether locks are granted whoever else holds them; for a bug that is planted.
    var ignoresLocks = false
    /// Whether a removal only seems to happen; for a bug that is planted.
    var skipsRemoval: (SimulatedProcess, String) -> Bool = { _, _ in false }

    private let scheduler: Scheduler
    private var open: [Int32: OpenFile] = [:]
    private var locks: [String: [Lock]] = [:]

    init(root: String, scheduler: Scheduler) {
        self.root = root
        self.scheduler = scheduler
    }

    /// Takes the books of a process that is dead.
    func takeVolume(of process: SimulatedProcess) -> Volume {
        process.disk = DiskCondition()
        defer { process.volume = Volume() }
        return process.volume
    }

    // MARK: - Opening and closing

    /// Memory that processes share is on no disk.
    private static func isTransient(_ path: String) -> Bool { path.utf8.suffix(4).elementsEqual("-shm".utf8) }

    private func isTracked(_ path: String) -> Bool {
        scheduler.current !== scheduler.harness && !Self.isTransient(path)
    }

    func willOpen(_ path: String, flags: Int32) -> Int32 {
        guard flags & O_ACCMODE != O_RDONLY || flags & O_CREAT != 0, isTracked(path) else { return 0 }
        let process = scheduler.current
        guard process.isAlive else { return EIO }
        learn(path, of: process)
        guard flags & O_CREAT != 0, process.volume.file(at: path) == nil else { return 0 }
        if process.disk.isFull { return ENOSPC }
        return change("create", path, of: process)
    }

    func didOpen(_ file: Int32, _ path: String, flags: Int32) {
        guard isTracked(path) else { return }
        let process = scheduler.current
        var image: Int?
        if flags & O_ACCMODE != O_RDONLY {
            image = process.volume.file(at: path) ?? process.volume.create(path)
            if flags & O_TRUNC != 0, let image { process.volume.truncate(image, to: 0) }
        }
        open[file] = OpenFile(path: path, file: image, process: process, appends: flags & O_APPEND != 0)
    }

    func willClose(_ file: Int32) {
        guard let closed = open.removeValue(forKey: file) else { return }
        locks[closed.path]?.removeAll { $0.file == file }
    }

    private func learn(_ path: String, of process: SimulatedProcess) {
        guard !process.volume.knows(path) else { return }
        process.volume.learn(path, content: Self.read(path))
    }

    /// The content of a real file, or `nil` when it is not there.
    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let length = ftell(file)
        guard length > 0 else { return [] }
        fseek(file, 0, SEEK_SET)
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = fread(buffer.baseAddress, 1, length, file)
        }
    }

    // MARK: - Content

    func willWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Result<Int, SystemFailure> {
        guard let opened = open[file], let image = opened.file else { return .success(bytes.count) }
        guard opened.process.isAlive else { return .failure(SystemFailure(EIO)) }
        if opened.process.disk.isFull { return .failure(SystemFailure(ENOSPC)) }
        let error = change("write", opened.path, of: opened.process)
        guard error == 0 else { return .failure(SystemFailure(error)) }
        let end = opened.process.volume.length(of: image)
        let position = offset ?? (opened.appends ? end : Int(lseek(file, 0, SEEK_CUR)))
        opened.process.volume.write(Array(bytes), at: position, of: image)
        return .success(bytes.count)
    }

    func willTruncate(_ file: Int32, to length: Int) -> Int32 {
        guard let opened = open[file], let image = opened.file else { return 0 }
        guard opened.process.isAlive else { return EIO }
        let error = change("truncate", opened.path, of: opened.process)
        if error == 0 { opened.process.volume.truncate(image, to: length) }
        return error
    }

    func willSync(_ file: Int32) -> Int32 {
        guard let opened = open[file] else { return 0 }
        let process = opened.process
        guard process.isAlive else { return EIO }
        if process.disk.failsNextSync {
            process.disk.failsNextSync = false
            observe(process, "fsync fails", opened.path)
            if let image = opened.file { process.volume.losePending(of: image) }
            return EIO
        }
        let error = change("fsync", opened.path, of: process)
        guard error == 0, !skipsSync(process, opened.path) else { return error }
        if let image = opened.file { process.volume.sync(image) } else { process.volume.sync(folder: opened.path) }
        return 0
    }

    func lock(_ file: Int32, operation: Int32) -> Int32 {
        guard let opened = open[file] else { return 0 }
        var held = locks[opened.path, default: []]
        held.removeAll { $0.file == file || !$0.process.isAlive }
        defer { locks[opened.path] = held }
        guard operation & LOCK_UN == 0 else { return 0 }
        let isExclusive = operation & LOCK_EX != 0
        if held.contains(where: { $0.isExclusive || isExclusive }), !ignoresLocks { return EWOULDBLOCK }
        held.append(Lock(file: file, process: opened.process, isExclusive: isExclusive))
        return 0
    }

    // MARK: - Names

    func willRename(_ from: String, to: String) -> Int32 {
        guard isTracked(to) else { return 0 }
        let process = scheduler.current
        guard process.isAlive else { return EIO }
        learn(from, of: process)
        learn(to, of: process)
        let error = change("rename", to, of: process)
        if error == 0 { process.volume.move(from, to: to) }
        return error
    }

    func willUnlink(_ path: String) -> Int32 {
        guard isTracked(path) else { return 0 }
        let process = scheduler.current
        guard process.isAlive else { return EIO }
        learn(path, of: process)
        guard process.volume.file(at: path) != nil else { return 0 }
        // The caller takes it for gone.
        if skipsRemoval(process, path) { return ENOENT }
        let error = change("unlink", path, of: process)
        if error == 0 { process.volume.remove(path) }
        return error
    }

    func willMakeFolder(_ path: String) -> Int32 {
        guard isTracked(path) else { return 0 }
        return scheduler.current.isAlive ? 0 : EIO
    }

    // MARK: - Death

    /// Counts a change, and has the process die at the one that it was told to.
    private func change(_ kind: StaticString, _ path: String, of process: SimulatedProcess) -> Int32 {
        observe(process, kind, path)
        guard let left = process.disk.changesUntilDeath else { return 0 }
        guard left == 0 else {
            process.disk.changesUntilDeath = left - 1
            return 0
        }
        process.disk.changesUntilDeath = nil
        if process.disk.diesAfterChange {
            // When this piece of work is over, which is soon; what it still changes may or may not last.
            scheduler.after(0, as: scheduler.harness) { [onDeath] in if process.isAlive { onDeath(process) } }
            return 0
        }
        onDeath(process)
        return EIO
    }
}
