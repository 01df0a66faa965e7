private import Foundation

/// Reads a text file line by line, holding little more than one line in memory.
///
/// A line ends with LF or CRLF; a byte order mark before the first line is dropped.
struct LineReader: ~Copyable {
    /// How long a line may be: a broken file must not be read into memory whole.
    static let longestLine = 1 << 20

    /// The number of the line that ``next()`` returned last, counting from 1.
    private(set) var lineNumber = 0
    private let path: String
    private let file: FileHandle
    private var buffer: [UInt8] = []
    private var position = 0
    private var reachedEnd = false

    private static let chunkSize = 1 << 18

    init(path: String) throws {
        self.path = path
        do {
            self.file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        } catch {
            throw TrainingError.unreadableFile(path: path, reason: error.localizedDescription)
        }
    }

    deinit { try? file.close() }

    /// Returns the next line without its end, or `nil` after the last one.
    ///
    /// - Throws: ``TrainingError`` when the file cannot be read or the line is not UTF-8 or too long.
    mutating func next() throws -> String? {
        guard let line = try nextBytes() else { return nil }
        lineNumber += 1
        let isMarked = lineNumber == 1 && line.starts(with: [0xEF, 0xBB, 0xBF])
        guard let text = String(validating: isMarked ? line.dropFirst(3) : line, as: UTF8.self) else {
            throw TrainingError.invalidRow(
                path: path,
                line: lineNumber,
                problem: "is not UTF-8 text",
                remedy: "Save the file as UTF-8."
            )
        }
        return text
    }

    private mutating func nextBytes() throws -> ArraySlice<UInt8>? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[position..<end]
                position = end + 1
                return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            }
            if reachedEnd {
                guard position < buffer.count else { return nil }
                let line = buffer[position...]
                position = buffer.count
                return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            }
            guard buffer.count - position <= Self.longestLine else {
                throw TrainingError.invalidRow(
                    path: path,
                    line: lineNumber + 1,
                    problem: "is longer than \(Self.longestLine) bytes",
                    remedy: "Put one text on each line."
                )
            }
            buffer.removeSubrange(..<position)
            position = 0
            searched = buffer.count
            try readChunk()
        }
    }

    private mutating func readChunk() throws {
        do {
            guard let chunk = try file.read(upToCount: Self.chunkSize), !chunk.isEmpty else {
                reachedEnd = true
                return
            }
            buffer += chunk
        } catch {
            throw TrainingError.unreadableFile(path: path, reason: error.localizedDescription)
        }
    }
}
