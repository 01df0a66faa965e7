private import Foundation
import LinearAlgebra

/// When clients can be asked, as a pure function of seed, client and time.
package struct Availability: Hashable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case always
        /// Each client is there for one part of every day, which begins at a time of its own.
        case diurnal
        /// Each client is there, or not, for whole slots of time, at random.
        case random
    }

    package var kind: Kind
    /// A day of `diurnal`, or a slot of `random`.
    package var period: Duration
    /// Which part of the day a client is there, or how likely in each slot.
    package var share: Double
    /// Over which part of the day the beginnings are spread: 0 when all clients live in one time zone, 1 for the globe.
    package var spread: Double
    /// How likely a client fails in the middle of a training.
    package var dropout: Double

    package init(
        kind: Kind = .always,
        period: Duration = .seconds(86_400),
        share: Double = 0.5,
        spread: Double = 1,
        dropout: Double = 0
    ) {
        self.kind = kind
        self.period = period
        self.share = share
        self.spread = spread
        self.dropout = dropout
    }
}

extension Availability {
    private static let phases: UInt64 = 0x6461_7973  // "days"
    private static let slots: UInt64 = 0x736c_6f74  // "slot"
    private static let failures: UInt64 = 0x6661_696c  // "fail"

    /// Whether a client can be asked.
    ///
    /// - Parameters:
    ///   - client: The client's index.
    ///   - time: Since the experiment began; a change counts from its very instant on.
    ///   - seed: The experiment's seed.
    /// - Returns: Whether it is there.
    package func isPresent(_ client: Int, at time: Duration, seed: UInt64) -> Bool {
        switch kind {
        case .always: true
        case .diurnal: share >= 1 || dayTime(of: client, at: time, seed: seed) < window
        case .random: isPresent(client, inSlot: slot(at: time), seed: seed)
        }
    }

    /// When a client's presence changes next after `time`; `nil` for never.
    package func nextChange(of client: Int, after time: Duration, seed: UInt64) -> Duration? {
        switch kind {
        case .always: return nil
        case .diurnal:
            guard share > 0, share < 1 else { return nil }
            let now = dayTime(of: client, at: time, seed: seed)
            return time + (now < window ? window - now : period - now)
        case .random:
            guard share > 0, share < 1 else { return nil }
            var slot = slot(at: time)
            let now = isPresent(client, inSlot: slot, seed: seed)
            repeat { slot += 1 } while isPresent(client, inSlot: slot, seed: seed) == now
            return period * slot
        }
    }

    /// At which part of a training a client fails, in 0..<1; `nil` when it does not.
    ///
    /// - Parameters:
    ///   - client: The client's index.
    ///   - number: The number of the order; another order has another fate.
    ///   - attempt: How often the client was sent this order before.
    ///   - seed: The experiment's seed.
    /// - Returns: The part of the work that was done when it failed.
    package func failure(of client: Int, order number: Int, attempt: Int, seed: UInt64) -> Double? {
        guard dropout > 0 else { return nil }
        var generator = CounterGenerator(
            seed: seed,
            stream: [
                Self.failures, UInt64(truncatingIfNeeded: client), UInt64(truncatingIfNeeded: number),
                UInt64(truncatingIfNeeded: attempt),
            ]
        )
        let isFailing = generator.uniform() < dropout
        let part = generator.uniform()
        return isFailing ? part : nil
    }

    /// How long a client is there a day.
    private var window: Duration { period * share }

    /// How long ago a client's day began, in 0..<period.
    private func dayTime(of client: Int, at time: Duration, seed: UInt64) -> Duration {
        var generator = CounterGenerator(seed: seed, stream: [Self.phases, UInt64(truncatingIfNeeded: client)])
        let begun = time + period - period * (spread * generator.uniform())
        return begun - period * Self.count(of: period, in: begun)
    }

    private func slot(at time: Duration) -> Int { Self.count(of: period, in: time) }

    private func isPresent(_ client: Int, inSlot slot: Int, seed: UInt64) -> Bool {
        var generator = CounterGenerator(
            seed: seed,
            stream: [Self.slots, UInt64(truncatingIfNeeded: client), UInt64(truncatingIfNeeded: slot)]
        )
        return generator.uniform() < share
    }

    /// ⌊time / period⌋, exactly: durations are whole numbers of attoseconds.
    private static func count(of period: Duration, in time: Duration) -> Int {
        Int(clamping: time.attoseconds / max(period.attoseconds, 1))
    }
}
