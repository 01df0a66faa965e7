package import Foundation

/// The files of one folder as a POSIX tar archive (ustar), read while it is written.
package struct TarArchive: Sendable {
    fileprivate struct Member {
        let file: URL
        let header: Data
        let byteCount: Int

        /// Files are padded to whole blocks.
        var padding: Int { (512 - byteCount % 512) % 512 }
    }

    private let members: [Member]

    /// How many bytes ``reader()`` reads.
    package var byteCount: Int { members.reduce(2 * 512) { $0 + 512 + $1.byteCount + $1.padding } }

    /// Lists the files of a folder, by name.
    ///
    /// - Parameters:
    ///   - folder: The folder; folders within it are left out.
    ///   - name: What the folder is called in the archive: at most 155 bytes.
    ///   - modified: The time of every file.
    /// - Throws: When the folder cannot be read; ``CoordinatorError/fileFailed(path:action:reason:)`` for a file that has no
    ///   place in the format.
    package init(of folder: URL, named name: String, modified: Date) throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: [.isRegularFileKey, .fileSizeKey]
        )
        members = try files.sorted { $0.lastPathComponent < $1.lastPathComponent }.compactMap { file in
            let values = try file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
            guard values.isRegularFile == true, let size = values.fileSize else { return nil }
            guard
                let header = Self.header(
                    folder: name,
                    name: file.lastPathComponent,
                    byteCount: size,
                    modified: modified
                )
            else {
                throw CoordinatorError.fileFailed(
                    path: file.path,
                    action: .read,
                    reason: "its name or its size has no place in a tar archive"
                )
            }
            return Member(file: file, header: header, byteCount: size)
        }
    }

    /// Begins to read the archive.
    package func reader() -> Reader { Reader(members: members[...]) }

    /// Reads an archive, piece by piece.
    package struct Reader {
        fileprivate var members: ArraySlice<Member>
        /// What is left of the file that is being read.
        private var open: (handle: FileHandle, padding: Int)?
        private var isOver = false

        fileprivate init(members: ArraySlice<Member>) {
            self.members = members
        }

        /// Returns what comes next; `nil` after the end.
        package mutating func next() throws -> Data? {
            if let (handle, padding) = open {
                if let piece = try handle.read(upToCount: 256 << 10), !piece.isEmpty { return piece }
                try handle.close()
                open = nil
                if padding > 0 { return Data(count: padding) }
            }
            if let member = members.popFirst() {
                open = (try FileHandle(forReadingFrom: member.file), member.padding)
                return member.header
            }
            guard !isOver else { return nil }
            isOver = true
            return Data(count: 2 * 512)
        }
    }

    /// Returns the block that goes before a file's bytes.
    ///
    /// ```
    /// 0    100   108  116  124   136    148       156   157      257    263      265 …     345
    /// name  mode  uid  gid  size  time   checksum  type  link     ustar  version  owners    prefix
    /// ```
    private static func header(folder: String, name: String, byteCount: Int, modified: Date) -> Data? {
        func octal(_ number: Int, digits: Int) -> String? {
            let text = String(number, radix: 8)
            return text.count <= digits ? String(repeating: "0", count: digits - text.count) + text : nil
        }
        guard (1...100).contains(name.utf8.count), (1...155).contains(folder.utf8.count),
            let size = octal(byteCount, digits: 11),
            let time = octal(Int(min(max(0, modified.timeIntervalSince1970), 8e9)), digits: 11)
        else { return nil }
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int) {
            block.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put("0000644\u{0}0000000\u{0}0000000\u{0}", at: 100)
        put(size, at: 124)
        put(time, at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put(folder, at: 345)
        guard let sum = octal(block.reduce(0) { $0 + Int($1) }, digits: 6) else { return nil }
        put(sum + "\u{0} ", at: 148)
        return Data(block)
    }
}
