private import Foundation

/// Where errors and progress go, so that standard output holds nothing but results.
package enum StandardError {
    package static func write(_ line: String) { writeRaw(line + "\n") }

    package static func writeRaw(_ text: String) {
        // Whoever writes this has other work, which must not end because nobody reads, or because a disk is full.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// Whether a person watches.
    package static var isTerminal: Bool { isatty(FileHandle.standardError.fileDescriptor) == 1 }
}
