import Crypto

/// The bytes of a file, as pages that are shared between all the states in which they are the same.
struct DiskFile: Sendable {
    private static let pageBytes = 4096

    /// A page and its digest: states are told apart by digests, and few pages differ from one to the next.
    private final class Page: Sendable {
        let bytes: [UInt8]
        let digest: SHA256.Digest

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            self.digest = SHA256.hash(data: bytes)
        }

        static let zero = Page([UInt8](repeating: 0, count: pageBytes))
    }

    private(set) var count = 0
    private var pages: [Page] = []

    /// All of the file.
    var bytes: [UInt8] { Array(pages.flatMap(\.bytes).prefix(count)) }

    /// Makes the file at least so long, with zeros.
    mutating func extend(to length: Int) {
        count = max(count, length)
        let wanted = (count + Self.pageBytes - 1) / Self.pageBytes
        pages.append(contentsOf: repeatElement(.zero, count: max(0, wanted - pages.count)))
    }

    /// Makes the file end there.
    mutating func truncate(to length: Int) {
        extend(to: length)
        count = length
        pages.removeLast(pages.count - (length + Self.pageBytes - 1) / Self.pageBytes)
        // What lies behind the end is zero, should the file grow again.
        let rest = length % Self.pageBytes
        guard rest > 0, let last = pages.popLast() else { return }
        pages.append(Page(last.bytes[..<rest] + [UInt8](repeating: 0, count: Self.pageBytes - rest)))
    }

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        extend(to: offset + bytes.count)
        var done = 0
        while done < bytes.count {
            let (page, start) = (offset + done).quotientAndRemainder(dividingBy: Self.pageBytes)
            let length = min(Self.pageBytes - start, bytes.count - done)
            var content = pages[page].bytes
            content.replaceSubrange(start..<start + length, with: bytes[done..<done + length])
            pages[page] = Page(content)
            done += length
        }
    }

    /// Adds what the file holds to a fingerprint.
    func add(to hash: inout SHA256) {
        for page in pages { page.digest.withUnsafeBytes { hash.update(bufferPointer: $0) } }
    }
}
