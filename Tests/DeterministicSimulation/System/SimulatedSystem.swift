import CSimulatedSystem
import Glibc

/// The simulated system that the process runs on while a seed is played: one scheduler and one disk.
enum SimulatedSystem {
    /// Set on one thread, read on the same one: the scheduler refuses every other.
    private nonisolated(unsafe) static var scheduler: Scheduler?
    private nonisolated(unsafe) static var disk: SimulatedDisk?

    /// Runs `body` on a simulated system: its threads, clocks, random numbers and the files below the disk's root.
    static func run<Result>(
        on scheduler: Scheduler,
        _ disk: SimulatedDisk,
        _ body: () throws -> Result
    ) rethrows -> Result {
        Self.scheduler = scheduler
        Self.disk = disk
        let root = strdup(disk.root)
        let system = UnsafeMutablePointer<simulated_system>.allocate(capacity: 1)
        system.initialize(to: table(root: root))
        simulated_system_install(system)
        defer {
            simulated_system_install(nil)
            system.deallocate()
            free(root)
            Self.scheduler = nil
            Self.disk = nil
        }
        return try body()
    }

    private static func table(root: UnsafeMutablePointer<CChar>?) -> simulated_system {
        simulated_system(
            enqueue: { SimulatedSystem.scheduler?.accept($0) },
            enqueue_at: { SimulatedSystem.scheduler?.accept($1, at: $0) },
            monotonic: { SimulatedSystem.scheduler?.now ?? 0 },
            calendar: { SimulatedSystem.scheduler?.calendar ?? 0 },
            random: { bytes, count in
                SimulatedSystem.scheduler?.fillRandomly(UnsafeMutableRawBufferPointer(start: bytes, count: count))
            },
            root: UnsafePointer(root),
            will_open: { path, flags in SimulatedSystem.disk?.willOpen(SimulatedSystem.text(path), flags: flags) ?? 0 },
            did_open: { file, path, flags in
                SimulatedSystem.disk?.didOpen(file, SimulatedSystem.text(path), flags: flags)
            },
            will_close: { SimulatedSystem.disk?.willClose($0) },
            will_write: { file, bytes, count, offset in
                guard let disk = SimulatedSystem.disk, let count else { return 0 }
                let content = UnsafeRawBufferPointer(start: bytes, count: count.pointee)
                switch disk.willWrite(file, content, at: offset < 0 ? nil : Int(offset)) {
                case .success(let written): count.pointee = written
                case .failure(let error): return error.code
                }
                return 0
            },
            will_truncate: { file, length in SimulatedSystem.disk?.willTruncate(file, to: Int(length)) ?? 0 },
            will_sync: { SimulatedSystem.disk?.willSync($0) ?? 0 },
            lock: { SimulatedSystem.disk?.lock($0, operation: $1) ?? 0 },
            will_rename: { from, to in
                SimulatedSystem.disk?.willRename(SimulatedSystem.text(from), to: SimulatedSystem.text(to)) ?? 0
            },
            will_unlink: { SimulatedSystem.disk?.willUnlink(SimulatedSystem.text($0)) ?? 0 },
            will_make_folder: { SimulatedSystem.disk?.willMakeFolder(SimulatedSystem.text($0)) ?? 0 }
        )
    }

    private static func text(_ characters: UnsafePointer<CChar>?) -> String {
        characters.map { String(cString: $0) } ?? ""
    }
}
