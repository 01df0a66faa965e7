import Foundation

/// A table that grows line by line on disk, and can be cut back to where a saved state left it.
struct CSVFile: Sendable {
    private let url: URL
    private let handle: FileHandle
    private var waiting: [UInt8] = []
    /// How long the table is, lines that are not on disk yet included.
    private(set) var byteCount: Int

    /// Starts a table, or goes on after the first `length` bytes of one.
    ///
    /// - Throws: ``SimulationError/damagedCheckpoint(path:reason:)`` when the file is shorter than that, and
    ///   ``SimulationError/cannotWrite(path:reason:)``.
    init(at url: URL, columns: [String], keeping length: Int? = nil) throws(SimulationError) {
        self.url = url
        self.byteCount = length ?? 0
        do {
            if length == nil { try Data().write(to: url) }
            handle = try FileHandle(forUpdating: url)
            let end = try handle.seekToEnd()
            if let length {
                guard end >= UInt64(length) else {
                    throw SimulationError.damagedCheckpoint(
                        path: url.path,
                        reason: "it has \(end) bytes, and the saved state goes on after \(length)"
                    )
                }
                try handle.truncate(atOffset: UInt64(length))
                try handle.seek(toOffset: UInt64(length))
            }
        } catch let error as SimulationError {
            throw error
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
        if length == nil { append(columns) }
    }

    mutating func append(_ cells: [String]) {
        let line = CSV.line(cells)
        waiting += line.utf8
        byteCount += line.utf8.count
    }

    /// Writes what waits.
    mutating func flush() throws(SimulationError) {
        guard !waiting.isEmpty else { return }
        do {
            try handle.write(contentsOf: Data(waiting))
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
        waiting.removeAll(keepingCapacity: true)
    }
}
