/// What a client may be called.
///
/// A name stands in certificates, file names, logs and command lines, so it is made of characters that are safe in all of
/// them: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `.` and `_`, beginning with a letter or a digit.
package enum ClientName {
    package static let longest = 64

    /// Whether `name` may be given to a client.
    package static func isValid(_ name: String) -> Bool {
        guard (1...longest).contains(name.utf8.count), let first = name.utf8.first else { return false }
        return isAlphanumeric(first) && name.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
