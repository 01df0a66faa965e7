import DifferentialPrivacy
import Foundation
import Testing

/// Numbers that other people's tests and tables state, by whoever published them.
@Suite("Accountants beside published numbers")
struct GoldenNumberTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var q = 1.0
        let z: Double
        let steps: Int
        let delta: Double
        let epsilon: Double
        /// The order that decides, where it is stated.
        var order = 0.0
        /// By what share of it ε may differ, where that depends on who states it.
        var within = 1e-3

        var testDescription: String { "q \(q), z \(z), T \(steps), δ \(delta)" }

        func epsilon<Accountant: PrivacyAccountant>(by _: Accountant.Type) throws -> Double {
            try Accountant.epsilon(
                of: NoisedSteps(noiseMultiplier: z, sampling: .poisson(rate: q), count: steps),
                delta: delta
            )
        }

        func renyi(_ orders: [Double]) throws -> (epsilon: Double, order: Double) {
            var accountant = RenyiAccountant(orders: orders)
            try accountant.add(NoisedSteps(noiseMultiplier: z, sampling: .poisson(rate: q), count: steps))
            return accountant.tightest(delta: delta)
        }
    }

    static let opacusOrders = (1..<100).map { 1 + Double($0) / 10 } + (12...63).map(Double.init)
    static let tensorFlowOrders: [Double] =
        [1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5] + (5...63).map(Double.init) + [128, 256, 512]

    /// Whether two numbers differ by no more than a share of the second.
    static func near(_ value: Double, _ expected: Double, within share: Double) -> Bool {
        abs(value - expected) <= share * abs(expected)
    }

    // MARK: - Rényi

    @Test("Opacus: its accountant's test")
    func opacus() throws {
        let answer = try Case(q: 0.04, z: 1.5, steps: 2250, delta: 1e-5, epsilon: 7.32911117143).renyi(
            Self.opacusOrders
        )
        // Opacus subtracts the terms that are added here: 0.003 % at the order that decides.
        #expect(answer.epsilon >= 7.32911117143 && Self.near(answer.epsilon, 7.32911117143, within: 1e-4))
        #expect(answer.order == 3.9)
    }

    @Test(
        "TensorFlow Privacy: its accountant's tests",
        arguments: [
            Case(q: 150 / 6e4, z: 1.3, steps: 6000, delta: 1e-5, epsilon: 0.7242234026109595, order: 19),
            Case(q: 100 / 1e5, z: 1, steps: 30_000, delta: 1e-7, epsilon: 1.4154988495444842, order: 13),
            Case(q: 1024 / 1e8, z: 0.1, steps: 976_563, delta: 1e-7, epsilon: 5_907_982.3113984, order: 1.25),
        ]
    )
    func tensorFlow(_ test: Case) throws {
        let answer = try test.renyi(Self.tensorFlowOrders)
        #expect(Self.near(answer.epsilon, test.epsilon, within: 1e-7) && answer.order == test.order)
    }

    @Test(
        "federated sizes, at Opacus's orders",
        arguments: [
            Case(q: 0.01, z: 1, steps: 100, delta: 1e-5, epsilon: 1.214145),
            Case(q: 0.01, z: 1, steps: 1000, delta: 1e-5, epsilon: 2.101365),
            Case(q: 0.1, z: 1, steps: 100, delta: 1e-5, epsilon: 7.899255),
            Case(q: 0.1, z: 2, steps: 100, delta: 1e-5, epsilon: 2.580569),
            Case(q: 0.05, z: 1.5, steps: 100, delta: 1e-6, epsilon: 2.154185),
            Case(q: 0.05, z: 2, steps: 100, delta: 1e-6, epsilon: 1.396957),
            Case(q: 0.2, z: 3, steps: 100, delta: 1e-6, epsilon: 3.639665),
            Case(z: 5, steps: 50, delta: 1e-5, epsilon: 7.077392),
            Case(z: 10, steps: 100, delta: 1e-5, epsilon: 4.728507),
        ]
    )
    func federatedSizes(_ test: Case) throws {
        let answer = try test.renyi(Self.opacusOrders).epsilon
        // Six digits are stated; at fractional orders the terms that are added and not subtracted make up to 0.06 %.
        #expect(answer > test.epsilon - 5e-7 && Self.near(answer, test.epsilon, within: 1e-3))
    }

    @Test(
        "the same at whole orders",
        arguments: [
            Case(q: 0.01, z: 1, steps: 100, delta: 1e-5, epsilon: 1.224846),
            Case(q: 0.01, z: 1, steps: 1000, delta: 1e-5, epsilon: 2.107753),
            Case(q: 0.1, z: 1, steps: 100, delta: 1e-5, epsilon: 7.972922),
            Case(q: 0.1, z: 2, steps: 100, delta: 1e-5, epsilon: 2.586652),
        ]
    )
    func wholeOrders(_ test: Case) throws {
        #expect(abs(try test.renyi((2...256).map(Double.init)).epsilon - test.epsilon) < 1e-6)
    }

    @Test("dp-accounting: divergences by order, and that they are not below Opacus's exact one at 1.5")
    func divergences() throws {
        let orders = [1.5, 2.5, 5, 50, 100]
        var accountant = RenyiAccountant(orders: orders)
        try accountant.add(NoisedSteps(noiseMultiplier: 2.5, sampling: .poisson(rate: 0.01), count: 50))
        let expected = [6.70579741e-4, 1.08548710e-3, 2.18075656e-3, 2.38460375e-2, 167.416308]
        for (divergence, expected) in zip(accountant.composed, expected) {
            #expect(Self.near(divergence, expected, within: 1e-4))
        }
        #expect(accountant.composed[0] > 6.50071e-4)
    }

    @Test("dp-accounting: the classic conversion's example, by the tight one")
    func conversion() throws {
        // Noise at which ε = 1 at δ = 1e-6, on a fine grid of orders; the exact ε is smaller.
        let test = Case(z: 4.530877117, steps: 1, delta: 1e-6, epsilon: 1)
        let answer = try test.renyi((1...5000).map { 1 + Double($0) / 50 }).epsilon
        #expect(Self.near(answer, 1, within: 1e-5))
        #expect(Self.near(try test.epsilon(by: GaussianAccountant.self), 0.927392, within: 1e-6))
    }

    // MARK: - Loss distributions

    @Test(
        "Microsoft's table of the PRV accountant, at δ = 1e-6",
        arguments: [
            Case(q: 0.001, z: 0.8, steps: 100, delta: 1e-6, epsilon: 0.27040),
            Case(q: 0.05, z: 1.5, steps: 100, delta: 1e-6, epsilon: 1.95385),
            Case(q: 0.05, z: 2, steps: 100, delta: 1e-6, epsilon: 1.28364),
            Case(q: 0.05, z: 3, steps: 100, delta: 1e-6, epsilon: 0.76793),
            Case(q: 0.2, z: 0.8, steps: 100, delta: 1e-6, epsilon: 24.33366),
            Case(q: 0.2, z: 1.5, steps: 100, delta: 1e-6, epsilon: 8.49898),
            Case(q: 0.2, z: 3, steps: 100, delta: 1e-6, epsilon: 3.38122),
            Case(q: 0.001, z: 0.8, steps: 1000, delta: 1e-6, epsilon: 0.47777),
            Case(q: 0.05, z: 2, steps: 1000, delta: 1e-6, epsilon: 4.17280),
            Case(q: 0.05, z: 3, steps: 1000, delta: 1e-6, epsilon: 2.52757),
            Case(q: 0.001, z: 0.8, steps: 20_000, delta: 1e-6, epsilon: 1.29601),
            Case(q: 0.05, z: 1.5, steps: 20_000, delta: 1e-6, epsilon: 38.30662),
            Case(q: 0.001, z: 0.8, steps: 50_000, delta: 1e-6, epsilon: 2.03451),
            Case(q: 0.05, z: 3, steps: 50_000, delta: 1e-6, epsilon: 24.94201),
        ]
    )
    func randomVariables(_ test: Case) throws {
        // Theirs are upper estimates with an error of 0.01.
        #expect(abs(try test.epsilon(by: LossDistributionAccountant.self) - test.epsilon) < 0.02)
    }

    @Test(
        "dp-accounting, TensorFlow Privacy and Opacus",
        arguments: [
            // Opacus, with an error of 0.01.
            Case(q: 0.04, z: 1.5, steps: 2250, delta: 1e-5, epsilon: 6.777395712150674, within: 2e-3),
            // dp-accounting states δ at ε = 1.
            Case(z: 3.0.squareRoot(), steps: 3, delta: 0.126936, epsilon: 1, within: 1e-3),
            Case(q: 0.2, z: 0.5, steps: 3, delta: 0.15594, epsilon: 1, within: 1e-3),
            // TensorFlow Privacy: epochs without sampling, and steps with it.
            Case(z: 0.7, steps: 2, delta: 1e-5, epsilon: 10.1224946, within: 1e-3),
            Case(q: 0.01, z: 0.7, steps: 120, delta: 1e-5, epsilon: 2.4612381, within: 1e-3),
            Case(z: 1, steps: 5, delta: 1e-6, epsilon: 12.595, within: 1e-3),
            Case(q: 0.0064, z: 1, steps: 782, delta: 1e-6, epsilon: 1.199, within: 1e-3),
        ]
    )
    func lossDistributions(_ test: Case) throws {
        #expect(Self.near(try test.epsilon(by: LossDistributionAccountant.self), test.epsilon, within: test.within))
    }

    @Test(
        "TensorFlow Privacy's statement, by Rényi",
        arguments: [
            Case(z: 0.7, steps: 2, delta: 1e-5, epsilon: 10.8602036),
            Case(q: 0.01, z: 0.7, steps: 120, delta: 1e-5, epsilon: 3.2392676),
            Case(z: 1, steps: 5, delta: 1e-6, epsilon: 13.376),
            Case(q: 0.0064, z: 1, steps: 782, delta: 1e-6, epsilon: 1.616),
        ]
    )
    func statement(_ test: Case) throws {
        #expect(Self.near(try test.epsilon(by: RenyiAccountant.self), test.epsilon, within: 1e-3))
    }

    // MARK: - Without sampling

    @Test("Google's example of concentrated privacy: ρ = 0.81 is ε = 8.92 at δ = 1e-10")
    func concentrated() throws {
        #expect(abs(ConcentratedAccountant.epsilon(rho: 0.81, delta: 1e-10) - 8.92) < 0.005)
        let test = Case(z: (1 / 1.62).squareRoot(), steps: 1, delta: 1e-10, epsilon: 8.92)
        #expect(abs(try test.epsilon(by: ConcentratedAccountant.self) - 8.92) < 0.005)
    }

    @Test(
        "one Gaussian release, exactly",
        arguments: [
            Case(z: 1, steps: 1, delta: 1e-5, epsilon: 4.377178), Case(z: 1, steps: 1, delta: 1e-6, epsilon: 4.886554),
            Case(z: 2, steps: 1, delta: 1e-5, epsilon: 1.993091), Case(z: 2, steps: 1, delta: 1e-6, epsilon: 2.254085),
            Case(z: 3, steps: 1, delta: 1e-5, epsilon: 1.271088), Case(z: 3, steps: 1, delta: 1e-6, epsilon: 1.447988),
        ]
    )
    func analytic(_ test: Case) throws {
        let exact = try test.epsilon(by: GaussianAccountant.self)
        #expect(abs(exact - test.epsilon) < 1e-6)
        let tight = try test.epsilon(by: LossDistributionAccountant.self)
        #expect(tight >= exact && Self.near(tight, exact, within: 1e-3))
    }
}
