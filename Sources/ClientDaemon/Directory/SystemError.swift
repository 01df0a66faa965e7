private import Foundation
private import Glibc

/// The operating system's own words for its latest refusal.
enum SystemError {
    /// The text of `errno`, such as "No space left on device".
    static var latest: String {
        let code = errno
        return POSIXErrorCode(rawValue: code).map { POSIXError($0).localizedDescription } ?? "error \(code)"
    }
}
