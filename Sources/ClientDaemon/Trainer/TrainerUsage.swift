package import Foundation
private import Glibc

/// What a trainer uses of the machine.
package struct TrainerUsage: Hashable, Sendable {
    /// The resident memory of all its processes, in bytes.
    package var memory: Int
    /// What lies in its folder, in bytes.
    package var disk: Int

    package init(memory: Int, disk: Int) {
        self.memory = memory
        self.disk = disk
    }

    /// More files than that count as a full disk: looking at them takes longer than what is in them is worth.
    private static let mostFiles = 100_000

    /// Measures the processes of the session that `process` leads, and the files in `folder`.
    ///
    /// - Parameters:
    ///   - process: The trainer's process.
    ///   - folder: The trainer's folder; links in it are not followed.
    package init(ofSession process: Int32, folder: URL) {
        self.init(memory: Self.memory(ofSession: process), disk: Self.size(of: folder))
    }

    /// Adds up the resident pages of a session's processes, from `/proc`.
    private static func memory(ofSession leader: Int32) -> Int {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let pages = entries.lazy.compactMap { Int32($0) }.reduce(0) { sum, process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                // The name is in parentheses and may hold anything; what follows it are numbers.
                let end = text.lastIndex(of: ")")
            else { return sum }
            let fields = text[end...].split(separator: " ")
            // Of proc(5) the fields 6, the session, and 24, the resident pages; 2 is the first here.
            guard fields.count > 22, Int32(fields[4]) == leader, let resident = Int(fields[22]) else { return sum }
            return sum + max(0, resident)
        }
        return pages * max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
    }

    /// What the files in a folder and below take of the disk, in bytes.
    static func size(of folder: URL) -> Int {
        guard let files = FileManager.default.enumerator(atPath: folder.path) else { return 0 }
        var total = 0
        var count = 0
        for case let name as String in files {
            count += 1
            guard count <= mostFiles else { return .max }
            var status = stat()
            guard lstat("\(folder.path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            // What is allocated: a file with holes is as large as what was written into it.
            let (sum, overflows) = total.addingReportingOverflow(Int(status.st_blocks) * 512)
            guard !overflows else { return .max }
            total = sum
        }
        return total
    }
}
