private import Crypto
package import DifferentialPrivacy
private import Foundation

/// Where a run's secrets come from: the noise of its rounds, and the coins by which clients are drawn.
///
/// A server takes them from the system; a simulation from its seed, so that it can be repeated, and protects nobody.
package struct RunSecrets: Sendable {
    /// What a secret is for.
    package enum Purpose: UInt64, Sendable {
        case noise = 0x6e6f_6973_65  // "noise"
        case sampling = 0x7361_6d70_6c65  // "sample"
        case update = 0x7570_6461_7465  // "update"
    }

    private let make: @Sendable (Purpose, _ round: Int, _ attempt: Int) -> NoiseKey

    /// Fresh keys from the system's generator, different at every call.
    package static let system = RunSecrets { _, _, _ in NoiseKey() }

    /// Keys that follow from `seed`: for simulations and tests only.
    package static func seeded(_ seed: UInt64) -> RunSecrets {
        RunSecrets { purpose, round, attempt in
            key(from: [seed, purpose.rawValue, UInt64(clamping: round), UInt64(clamping: attempt)])
        }
    }

    package func key(for purpose: Purpose, round: Int, attempt: Int) -> NoiseKey { make(purpose, round, attempt) }

    /// What a simulated client's noise follows from.
    package static func key(from seed: UInt64, order: WorkOrder.ID, client: Int) -> NoiseKey {
        key(from: [seed, Purpose.update.rawValue, UInt64(clamping: order.round), UInt64(clamping: client)])
    }

    private static func key(from numbers: [UInt64]) -> NoiseKey {
        var hash = SHA256()
        for number in numbers {
            hash.update(data: Data((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }))
        }
        // A SHA-256 always has the bytes that a key takes.
        return NoiseKey(bytes: Array(hash.finalize())) ?? NoiseKey()
    }
}
