private import Glibc

/// A file's bytes, mapped read-only into memory.
///
/// The pages belong to the system's cache: every process and every thread that maps the same file shares one copy, and
/// nothing is read before it is touched. The mapping lives as long as the value; spans are lent, never handed out.
///
/// The file must not be cut short while it is mapped; the store replaces files by renaming, which leaves a mapping whole.
@safe
package final class MappedFile: Sendable {
    /// The file's length in bytes when it was mapped.
    package let count: Int
    private nonisolated(unsafe) let base: UnsafeRawPointer?

    /// Maps the regular file at `path`.
    ///
    /// - Throws: ``MappedFileError`` when the file cannot be opened, is no regular file or cannot be mapped.
    package init(path: String) throws(MappedFileError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .cannotOpen(path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
        self.count = Int(status.st_size)
        guard count > 0 else {
            unsafe self.base = nil
            return
        }
        let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard unsafe address != MAP_FAILED, let address = unsafe address else {
            throw .cannotMap(path: path, code: errno)
        }
        unsafe self.base = UnsafeRawPointer(address)
    }

    deinit {
        if let base = unsafe base {
            unsafe munmap(UnsafeMutableRawPointer(mutating: base), count)
        }
    }

    /// Lends all bytes for the length of the call.
    package func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : count).bytes)
    }

    /// Lends `count` little-endian 32-bit floats that start at `offset`, without copying, or `nil` when they are not aligned.
    ///
    /// - Precondition: The range lies within the file. Readers check the ranges that a file's header claims first.
    package func withFloats<Result, Failure: Error>(
        at offset: Int,
        count floats: Int,
        _ body: (Span<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        precondition(
            offset >= 0 && floats >= 0 && offset <= count && floats <= (count - offset) / MemoryLayout<Float>.size,
            "\(floats) floats at \(offset) do not lie within \(count) bytes"
        )
        guard floats > 0, let base = unsafe base else {
            return try body(Span())
        }
        let start = unsafe base + offset
        guard UInt(bitPattern: start) % UInt(MemoryLayout<Float>.alignment) == 0 else { return nil }
        let buffer = unsafe UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: floats)
        return try body(unsafe buffer.span)
    }

    /// Takes the pages under a range out of this process's memory; the system's cache keeps them.
    ///
    /// A process that reads a thousand files once would otherwise count all of them as its own memory. Reading the range
    /// again maps it again, so this is safe at any time, on any thread.
    ///
    /// - Parameter range: Bytes of the file. What lies in the same 2 MiB goes as well, because a page fault may map
    ///   as much.
    package func release(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) is not within \(count) bytes")
        guard !range.isEmpty, let base = unsafe base else { return }
        // Windows are counted in addresses.
        let address = Int(bitPattern: base)
        let first = max(address, (address + range.lowerBound) & ~(Self.faultWindow - 1))
        let last = min(address + count, (address + range.upperBound + Self.faultWindow - 1) & ~(Self.faultWindow - 1))
        // Advice: nothing depends on whether it is taken.
        unsafe madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_DONTNEED)
    }

    /// The most that Linux maps on one page fault where the pages are in its cache: a huge page.
    private static let faultWindow = 1 << 21
}

/// Why a file could not be mapped.
package enum MappedFileError: Error, Equatable {
    case cannotOpen(path: String, code: Int32)
    case notARegularFile(path: String)
    case cannotMap(path: String, code: Int32)
}

extension MappedFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotOpen(let path, let code):
            "'\(path)' cannot be opened (\(Self.text(code))). Check the path and its permissions."
        case .notARegularFile(let path):
            "'\(path)' is not a regular file. Give the path of a file."
        case .cannotMap(let path, let code):
            "'\(path)' cannot be mapped into memory (\(Self.text(code))). Copy it to a local disk and try again."
        }
    }

    private static func text(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
