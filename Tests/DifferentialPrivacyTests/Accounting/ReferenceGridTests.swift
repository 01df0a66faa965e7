import DifferentialPrivacy
import Testing

@Suite("Accountants beside dp-accounting, at 500 points")
struct ReferenceGridTests {
    /// Beyond it e^−ε is no normal number, so that dp-accounting answers a quantile of the loss instead of ε.
    private static let largestReference = 700.0

    private let points: [AccountingFixture.Point]

    init() throws {
        points = try AccountingFixture.load().points
        try #require(points.count == 500)
    }

    @Test("Rényi's answers are never below, and within a millionth")
    func renyi() throws {
        let ratios = try points.map { try $0.ratio(RenyiAccountant.self, to: $0.rdp) }
        let (least, most) = (try #require(ratios.min()), try #require(ratios.max()))
        print("rdp / dp-accounting: \(least) to \(most)")
        #expect(least >= 1 && most <= 1 + 1e-6)
    }

    @Test("loss distributions' answers are never below, and within 1 %")
    func lossDistribution() throws {
        let points = points.filter { $0.pld < Self.largestReference }
        #expect(points.count == 472)
        let ratios = try points.map { try $0.ratio(LossDistributionAccountant.self, to: $0.pld) }
        let (least, most) = (try #require(ratios.min()), try #require(ratios.max()))
        print("pld / dp-accounting: \(least) to \(most)")
        #expect(least >= 1 && most <= 1.01)
    }

    @Test(
        "where dp-accounting answers a quantile of the loss, the answer is as near to it, and to the exact ε where there is one"
    )
    func hugeLosses() throws {
        for point in points where point.pld >= Self.largestReference {
            let ratio = try point.ratio(LossDistributionAccountant.self, to: point.pld)
            #expect((0.999...1.001).contains(ratio), "\(point)")
            guard point.rate == 1 else { continue }
            let exact = try GaussianAccountant.epsilon(of: point.steps, delta: point.delta)
            #expect(try (1...1.001).contains(point.ratio(LossDistributionAccountant.self, to: exact)), "\(point)")
        }
    }

    @Test("loss distributions are never above Rényi's")
    func order() throws {
        for point in points {
            let tight = try LossDistributionAccountant.epsilon(of: point.steps, delta: point.delta)
            #expect(try tight <= RenyiAccountant.epsilon(of: point.steps, delta: point.delta), "\(point)")
        }
    }
}
