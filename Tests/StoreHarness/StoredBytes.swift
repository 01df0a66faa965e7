import Foundation

/// A file of the store, and which of its bytes are records or payloads.
struct StoredBytes {
    /// The store.
    let folder: URL
    let path: String
    /// The bytes that hold something, in order.
    private let ranges: [Range<Int>]

    var url: URL { folder.appending(path: path) }
    var bits: Int { ranges.reduce(0) { $0 + $1.count } * 8 }

    /// Where in the file the n-th bit is that holds something.
    func position(ofBit number: Int) -> Int {
        var rest = number
        for range in ranges {
            if rest < range.count * 8 { return range.lowerBound * 8 + rest }
            rest -= range.count * 8
        }
        return 0
    }

    /// The files of a store that was stopped: everything is in the database, and the log is empty.
    static func files(ofStopped folder: URL) throws -> [StoredBytes] {
        let database = try Data(contentsOf: folder.appending(path: "tributary.sqlite"))
        let payloads = try FileManager.default.contentsOfDirectory(
            atPath: folder.appending(path: "payloads/blobs").path
        )
        return try [
            StoredBytes(folder: folder, path: "tributary.sqlite", ranges: pagesInUse(of: database)),
            whole("tributary.sqlite.commits", in: folder),
        ]
            + payloads.sorted().map { try whole("payloads/blobs/\($0)", in: folder) }
    }

    /// The log of a store that was killed: the pages of the database behind it may hold no record any more.
    static func log(ofKilled folder: URL) throws -> StoredBytes {
        let path = "tributary.sqlite-wal"
        return StoredBytes(
            folder: folder,
            path: path,
            ranges: frames(of: try Data(contentsOf: folder.appending(path: path)))
        )
    }

    private static func whole(_ path: String, in folder: URL) throws -> StoredBytes {
        let count = try Data(contentsOf: folder.appending(path: path)).count
        return StoredBytes(folder: folder, path: path, ranges: [0..<count])
    }

    /// The pages but for those on the list of free ones, whose content nobody reads again.
    ///
    /// From https://www.sqlite.org/fileformat2.html#the_freelist: the header says at 32 where the first trunk is; a trunk
    /// says where the next one is, how many pages it names, and which.
    private static func pagesInUse(of database: Data) -> [Range<Int>] {
        func number(at offset: Int) -> Int { database[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        let size = 4096
        var free: Set<Int> = []
        var trunk = number(at: 32)
        while trunk > 0 {
            let start = (trunk - 1) * size
            for index in 0..<number(at: start + 4) { free.insert(number(at: start + 8 + 4 * index)) }
            trunk = number(at: start)
        }
        return (0..<database.count / size).filter { !free.contains($0 + 1) }.map { $0 * size..<($0 + 1) * size }
    }

    /// The header of a log and the frames of its present generation: older ones behind them are forgotten already.
    ///
    /// From https://www.sqlite.org/fileformat2.html#the_write_ahead_log: 32 bytes, at 16 of which is a salt; then frames of
    /// 24 bytes, at 8 of which is the salt again, and a page.
    private static func frames(of log: Data) -> [Range<Int>] {
        let (header, frame) = (32, 24 + 4096)
        let salt = log[16..<24]
        var end = header
        while end + frame <= log.count, log[end + 8..<end + 16] == salt { end += frame }
        return [0..<end]
    }
}
