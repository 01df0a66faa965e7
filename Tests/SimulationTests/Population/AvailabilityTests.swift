import Testing

@testable import Simulation

@Suite("Availability")
struct AvailabilityTests {
    static let kinds: [Availability] = [
        Availability(kind: .diurnal, period: .seconds(1000), share: 0.3, spread: 1),
        Availability(kind: .diurnal, period: .seconds(1000), share: 0.7, spread: 0.2),
        Availability(kind: .random, period: .seconds(90), share: 0.4),
        Availability(kind: .random, period: .seconds(90), share: 0.95),
    ]

    @Test("changes exactly when it says that it does next", arguments: kinds)
    func changes(availability: Availability) throws {
        for client in 0..<20 {
            var time = Duration.zero
            for _ in 0..<15 {
                let now = availability.isPresent(client, at: time, seed: 4)
                let next = try #require(availability.nextChange(of: client, after: time, seed: 4))
                #expect(next > time)
                #expect(availability.isPresent(client, at: next, seed: 4) != now)
                for part in [0.1, 0.5, 0.999] {
                    #expect(availability.isPresent(client, at: time + (next - time) * part, seed: 4) == now)
                }
                time = next
            }
        }
    }

    @Test(
        "has its share of clients there at any time where days are spread",
        arguments: [kinds[0], kinds[2], kinds[3]]
    )
    func share(availability: Availability) {
        for time in [0, 333, 5000] {
            let present = (0..<4000).count { availability.isPresent($0, at: .seconds(time), seed: 1) }
            // Four standard deviations.
            #expect(abs(Double(present) / 4000 - availability.share) < 0.032)
        }
    }

    @Test("follows from seed, client and time alone", arguments: kinds)
    func purity(availability: Availability) {
        func pattern(seed: UInt64) -> [Bool] {
            (0..<200).map { availability.isPresent($0, at: .seconds(17 * $0), seed: seed) }
        }
        #expect(pattern(seed: 1) == pattern(seed: 1))
        #expect(pattern(seed: 1) != pattern(seed: 2))
    }

    @Test("is the same for all at once in one time zone")
    func oneZone() {
        let zone = Availability(kind: .diurnal, period: .seconds(100), share: 0.5, spread: 0)
        for client in 0..<20 {
            #expect(zone.isPresent(client, at: .seconds(20), seed: 1))
            #expect(!zone.isPresent(client, at: .seconds(70), seed: 1))
            #expect(zone.nextChange(of: client, after: .seconds(20), seed: 1) == .seconds(50))
        }
    }

    @Test("never changes where everybody is always there")
    func always() {
        for availability in [
            Availability(), Availability(kind: .diurnal, share: 1), Availability(kind: .random, share: 1),
        ] {
            #expect(availability.isPresent(3, at: .seconds(1_000_000), seed: 1))
            #expect(availability.nextChange(of: 3, after: .zero, seed: 1) == nil)
        }
    }

    @Test("has clients fail as often as it says, each order anew")
    func dropout() {
        let availability = Availability(dropout: 0.2)
        let failures = (0..<5000).map { availability.failure(of: $0, order: 1, attempt: 0, seed: 1) }
        #expect(abs(Double(failures.count { $0 != nil }) / 5000 - 0.2) < 0.025)
        #expect(failures.allSatisfy { $0.map { (0..<1).contains($0) } ?? true })
        #expect(failures == (0..<5000).map { availability.failure(of: $0, order: 1, attempt: 0, seed: 1) })
        #expect(failures != (0..<5000).map { availability.failure(of: $0, order: 2, attempt: 0, seed: 1) })
        #expect(failures != (0..<5000).map { availability.failure(of: $0, order: 1, attempt: 1, seed: 1) })
        #expect(Availability().failure(of: 1, order: 1, attempt: 0, seed: 1) == nil)
    }
}
