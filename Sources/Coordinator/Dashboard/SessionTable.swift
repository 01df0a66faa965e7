private import Crypto
import Foundation

/// Who is logged in to the dashboard: secrets that browsers hold as cookies, kept as hashes, in memory.
///
/// A session ends after ``lifetime``, when its browser logs out, when the server stops, and when so many newer ones have
/// begun that there is no place for it.
struct SessionTable {
    /// How long a session lasts.
    static let lifetime: TimeInterval = 12 * 3600
    /// How many there are at most; the oldest gives way.
    static let limit = 64

    private var ends: [(digest: SHA256.Digest, end: Date)] = []

    /// Begins a session at `now`.
    mutating func begin(_ secret: String, at now: Date) {
        ends.removeAll { $0.end <= now }
        if ends.count >= Self.limit { ends.removeFirst() }
        ends.append((Self.digest(secret), now.addingTimeInterval(Self.lifetime)))
    }

    /// Whether a session with this secret goes on at `now`.
    func admits(_ secret: String, at now: Date) -> Bool {
        let digest = Self.digest(secret)
        return ends.contains { $0.digest == digest && $0.end > now }
    }

    mutating func end(_ secret: String) {
        let digest = Self.digest(secret)
        ends.removeAll { $0.digest == digest }
    }

    private static func digest(_ secret: String) -> SHA256.Digest { SHA256.hash(data: Data(secret.utf8)) }
}
