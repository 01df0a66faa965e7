import Testing

@testable import Transport

@Suite("The reconnect backoff")
struct ReconnectBackoffTests {
    /// Always gives the same word.
    private struct Constant: RandomNumberGenerator {
        let word: UInt64
        func next() -> UInt64 { word }
    }

    @Test("doubles its ceiling up to the longest, and begins anew after a success")
    func ceiling() {
        var backoff = ReconnectBackoff(first: .seconds(1), longest: .seconds(10))
        var highest = Constant(word: .max)
        let delays = (0..<6).map { _ in backoff.nextDelay(using: &highest) / .seconds(1) }
        for (delay, ceiling) in zip(delays, [1.0, 2, 4, 8, 10, 10]) { #expect(abs(delay - ceiling) < 1e-9) }
        backoff.succeeded()
        #expect(abs(backoff.nextDelay(using: &highest) / .seconds(1) - 1) < 1e-9)
    }

    @Test("waits at least a tenth of the ceiling, and never overflows")
    func floor() {
        var backoff = ReconnectBackoff(first: .seconds(1), longest: .seconds(60))
        var lowest = Constant(word: 0)
        #expect(backoff.nextDelay(using: &lowest) == .milliseconds(100))
        for _ in 0..<1000 { _ = backoff.nextDelay(using: &lowest) }
        #expect(backoff.nextDelay(using: &lowest) == .seconds(6))
    }

    @Test("spreads clients that lost the same server")
    func spread() {
        var generator = SystemRandomNumberGenerator()
        let delays = (0..<1000).map { _ in
            var backoff = ReconnectBackoff(first: .seconds(10), longest: .seconds(60))
            return backoff.nextDelay(using: &generator) / .seconds(1)
        }
        // 1,000 uniform draws on 1…10: each of nine intervals of a second holds 111 on average, σ ≈ 10.
        for second in 1..<10 {
            let count = delays.count { $0 >= Double(second) && $0 < Double(second + 1) }
            #expect((50...180).contains(count), "\(count) in second \(second)")
        }
    }
}
