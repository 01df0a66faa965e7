import Crypto
package import Foundation
import WireProtocol

/// One line that lets one client into a federation: where to go, whom to trust there, and what to show.
///
/// The text is `trib1` and the base64url form, without padding, of
///
/// ```
///  0          2            10                     42   43      …             …       …
/// +----------+------------+----------------------+----+--------+----+--------+-------+
/// | port u16 | expiry u64 | authority's SHA-256  | n  | secret | m  | host   | check |
/// +----------+------------+----------------------+----+--------+----+--------+-------+
/// ```
///
/// with big-endian integers, the expiry in seconds since 1970, n in 16...64, m in 1...253, and four bytes of check: the first of
/// the SHA-256 of everything before them. The check finds typing errors; it protects nothing. The authority's fingerprint does.
package struct JoinString: Sendable, Hashable {
    private static let prefix = "trib1"
    private static let checkBytes = 4
    /// No join string is longer, so nothing longer is looked at.
    private static let longest = 1024

    /// The enrolment listener's host and port.
    package let host: String
    package let port: Int
    /// Names the authority that the listener's certificate has to come from.
    package let authorityFingerprint: CertificateFingerprint
    /// Shown once; whoever holds it becomes the client.
    package let secret: [UInt8]
    /// When the secret stops to work.
    package let expiry: Date

    /// Puts a join string together.
    ///
    /// - Parameters:
    ///   - host: The enrolment listener's name or address, which its certificate has to name.
    ///   - port: The enrolment listener's port.
    ///   - authorityFingerprint: The authority's fingerprint.
    ///   - secret: 16 to 64 random bytes; ``newSecret()`` makes some.
    ///   - expiry: When the secret stops to work; whole seconds count.
    /// - Throws: ``JoinStringError/malformed(_:)`` when a part is out of range.
    package init(
        host: String,
        port: Int,
        authorityFingerprint: CertificateFingerprint,
        secret: [UInt8],
        expiry: Date
    ) throws(JoinStringError) {
        guard (1...253).contains(host.utf8.count), (try? HostName(host)) != nil else { throw .malformed("host") }
        guard (1...65535).contains(port) else { throw .malformed("port") }
        guard EnrolmentSecret.lengths.contains(secret.count) else { throw .malformed("secret") }
        let seconds = expiry.timeIntervalSince1970.rounded(.down)
        guard seconds >= 0, seconds < 253_402_300_800 else { throw .malformed("expiry") }
        self.host = host
        self.port = port
        self.authorityFingerprint = authorityFingerprint
        self.secret = secret
        self.expiry = Date(timeIntervalSince1970: seconds)
    }

    /// Makes a secret of 160 bits from the system's random numbers.
    package static func newSecret() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<20).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Reads a join string.
    ///
    /// Blanks and line ends around it are ignored; anything else that is not exactly as ``text`` writes it is refused.
    ///
    /// - Throws: ``JoinStringError``.
    package init(parsing line: String) throws(JoinStringError) {
        let text = line.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.utf8.count <= Self.longest else { throw .notAJoinString }
        guard text.hasPrefix(Self.prefix) else {
            throw text.hasPrefix("trib") ? .unknownVersion : .notAJoinString
        }
        let encoded = text.dropFirst(Self.prefix.count)
        guard let bytes = [UInt8](base64URL: encoded), bytes.count > Self.checkBytes else { throw .damaged }
        let content = bytes.dropLast(Self.checkBytes)
        guard bytes.suffix(Self.checkBytes).elementsEqual(Self.check(of: content)) else { throw .damaged }
        try self.init(content: content)
    }

    private init(content: ArraySlice<UInt8>) throws(JoinStringError) {
        var rest = content
        func take(_ count: Int, _ part: String) throws(JoinStringError) -> [UInt8] {
            guard rest.count >= count else { throw .malformed(part) }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func takeInteger(_ count: Int, _ part: String) throws(JoinStringError) -> UInt64 {
            try take(count, part).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let port = try takeInteger(2, "port")
        let expiry = try takeInteger(8, "expiry")
        let fingerprint = try take(CertificateFingerprint.byteCount, "fingerprint")
        let secret = try take(Int(takeInteger(1, "secret")), "secret")
        let host = try take(Int(takeInteger(1, "host")), "host")
        guard rest.isEmpty else { throw .malformed("length") }
        guard let hostText = String(validating: host, as: UTF8.self) else { throw .malformed("host") }
        guard let authorityFingerprint = CertificateFingerprint(bytes: fingerprint) else {
            throw .malformed("fingerprint")
        }
        try self.init(
            host: hostText,
            port: Int(port),
            authorityFingerprint: authorityFingerprint,
            secret: secret,
            expiry: Date(timeIntervalSince1970: Double(expiry))
        )
    }

    /// The one line.
    package var text: String {
        var content: [UInt8] = []
        content.appendBigEndian(UInt64(port), byteCount: 2)
        content.appendBigEndian(UInt64(expiry.timeIntervalSince1970), byteCount: 8)
        content += authorityFingerprint.bytes
        content.append(UInt8(secret.count))
        content += secret
        content.append(UInt8(host.utf8.count))
        content += host.utf8
        return Self.prefix + (content + Self.check(of: content[...])).base64URL
    }

    /// Whether the secret still works at `now`.
    package func isValid(at now: Date) -> Bool { now < expiry }

    private static func check(of content: ArraySlice<UInt8>) -> [UInt8] {
        Array(SHA256.hash(data: Array(content)).prefix(checkBytes))
    }
}

/// Keeps the secret out of logs.
extension JoinString: CustomStringConvertible, CustomReflectable {
    package var description: String { "a join string for \(host):\(port)" }
    package var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port]) }
}

/// A line that is not a join string.
package enum JoinStringError: Error, Sendable, Equatable {
    case notAJoinString
    case unknownVersion
    /// Characters are missing, added or changed.
    case damaged
    /// The check is right, but a part is not what it has to be.
    case malformed(String)
    case expired(Date)
}

extension JoinStringError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAJoinString:
            "This is not a join string. Paste the whole line that `fed-server invite` printed; it begins with 'trib1'."
        case .unknownVersion:
            "This join string is of another version. Install the server's release on this side."
        case .damaged:
            "The join string is damaged. Copy the whole line that `fed-server invite` printed, and nothing else."
        case .malformed(let part):
            "The join string has no usable \(part). Ask for a new one: `fed-server invite NAME`."
        case .expired(let expiry):
            "The join string expired at \(expiry.formatted(.iso8601)). Ask for a new one: `fed-server invite NAME`."
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
        for shift in stride(from: (byteCount - 1) * 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }
}
