import Foundation
import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Participation in trees", .tags(.numerics))
struct TreeParticipationTests {
    struct Case: Sendable {
        let maximum: Int
        let separation: Int
        let steps: Int
        let square: Double
    }

    @Test(
        "has the squared sensitivities that dp_accounting tests",
        arguments: [
            Case(maximum: 1, separation: 7, steps: 8, square: 4), Case(maximum: 3, separation: 3, steps: 9, square: 11),
            Case(maximum: 3, separation: 2, steps: 7, square: 9),
            Case(maximum: 8, separation: 2, steps: 24, square: 88),
        ]
    )
    func golden(_ test: Case) throws {
        let participation = try TreeParticipation(
            steps: test.steps,
            maximum: test.maximum,
            minimumSeparation: test.separation
        )
        #expect(participation.squaredSensitivity == test.square)
    }

    @Test("is the worst of all patterns, found one by one", arguments: 1...13)
    func exhaustive(steps: Int) throws {
        for maximum in 1...5 {
            for separation in 0...5 {
                let participation = try TreeParticipation(
                    steps: steps,
                    maximum: maximum,
                    minimumSeparation: separation
                )
                var worst = 0
                for pattern in 0..<(1 << steps) {
                    let places = (0..<steps).filter { pattern >> $0 & 1 == 1 }
                    guard places.count <= maximum,
                        zip(places.dropFirst(), places).allSatisfy({ $0 - $1 > separation })
                    else { continue }
                    var square = 0
                    for level in 0..<4 {
                        for node in 0..<(steps >> level) {
                            let count = places.count { $0 >> level == node }
                            square += count * count
                        }
                    }
                    worst = max(worst, square)
                }
                #expect(participation.exact == worst, "at most \(maximum), \(separation) between")
                #expect(participation.bound >= Double(worst))
            }
        }
    }

    @Test("is bounded from above where finding the worst takes too long")
    func largeTrees() throws {
        let large = try TreeParticipation(steps: 100_000, maximum: 500, minimumSeparation: 150)
        #expect(large.squaredSensitivity == large.bound)
        for (steps, maximum, separation) in [(500, 20, 20), (1_000, 10, 60), (700, 700, 0)] {
            let small = try TreeParticipation(steps: steps, maximum: maximum, minimumSeparation: separation)
            #expect(small.squaredSensitivity == Double(small.exact))
            #expect(small.bound >= small.squaredSensitivity)
            #expect(small.bound < 3 * small.squaredSensitivity)
        }
    }

    @Test("gives the published guarantees for 1,600 rounds", arguments: [(1.13, 19.74), (8.83, 2.04)])
    func stackOverflow(noiseMultiplier: Double, epsilon: Double) throws {
        // Kairouz et al., 2021: Stack Overflow, one participation a client, δ = 10⁻⁶.
        let release = try TreeParticipation(steps: 1_600).release(noiseMultiplier: noiseMultiplier)
        #expect(release.sampling == .everyone && release.count == 1)
        let z = release.noiseMultiplier
        // RDP of the Gaussian mechanism, α/2z², with the tight conversion.
        let found = stride(from: 1.05, to: 60, by: 0.01).map { alpha in
            alpha / (2 * z * z) + log((alpha - 1) / alpha) - (log(1e-6) + log(alpha)) / (alpha - 1)
        }.min()
        #expect(try #require(found) < epsilon)
        #expect(try #require(found) > 0.8 * epsilon)
    }

    @Test("is refused where it makes no sense")
    func refusal() {
        #expect(throws: PrivacyError.self) { try TreeParticipation(steps: 0) }
        #expect(throws: PrivacyError.self) { try TreeParticipation(steps: 1 << 21) }
        #expect(throws: PrivacyError.self) { try TreeParticipation(steps: 5, maximum: 0) }
        #expect(throws: PrivacyError.self) { try TreeParticipation(steps: 5, minimumSeparation: -1) }
    }
}
