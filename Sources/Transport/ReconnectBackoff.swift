/// How long to wait before the next attempt to connect: longer each time, and never the same for all clients.
///
/// A uniform draw below a ceiling that doubles with every failure, so that a thousand clients that lost the same server do
/// not come back in the same second.
package struct ReconnectBackoff: Sendable, Equatable {
    private let first: Duration
    private let longest: Duration
    private var failures = 0

    /// Creates a backoff.
    ///
    /// - Parameters:
    ///   - first: The ceiling of the first wait.
    ///   - longest: What no ceiling exceeds.
    package init(first: Duration = .milliseconds(500), longest: Duration = .seconds(60)) {
        precondition(first > .zero && longest >= first, "a backoff from \(first) to \(longest) never grows")
        self.first = first
        self.longest = longest
    }

    /// Records a failure and draws the wait before the next attempt.
    ///
    /// - Parameter generator: Where the jitter comes from.
    /// - Returns: Between a tenth of the ceiling and the ceiling.
    package mutating func nextDelay(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(longest, first * (1 << min(failures, 30)))
        failures += 1
        return ceiling * (0.1 + 0.9 * Self.draw(using: &generator))
    }

    /// Draws the wait of a client that the server has told when to come again: uniform over the span.
    package static func delay(within span: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        span * draw(using: &generator)
    }

    /// A number from 0 to below 1.
    private static func draw(using generator: inout some RandomNumberGenerator) -> Double {
        // From the bits, because the standard library draws again, for ever, from a generator that always says the same.
        Double(generator.next() >> 11) * 0x1p-53
    }

    /// Records that the server let us in.
    package mutating func succeeded() {
        failures = 0
    }
}
