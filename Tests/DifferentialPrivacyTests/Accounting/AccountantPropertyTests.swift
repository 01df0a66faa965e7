import DifferentialPrivacy
import Testing

@Suite("What every accountant's answers have in common")
struct AccountantPropertyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let rate: Double
        let noise: Double
        let count: Int
        let delta: Double

        var testDescription: String { "q \(rate), z \(noise), T \(count), δ \(delta)" }

        func steps(rate: Double = 1, noise: Double = 1, count: Int = 1) -> NoisedSteps {
            NoisedSteps(
                noiseMultiplier: self.noise * noise,
                sampling: .poisson(rate: self.rate * rate),
                count: self.count * count
            )
        }
    }

    static let cases = [
        Case(rate: 1, noise: 1, count: 1, delta: 1e-5), Case(rate: 1, noise: 7, count: 40, delta: 1e-8),
        Case(rate: 0.02, noise: 0.7, count: 5, delta: 1e-6), Case(rate: 0.05, noise: 1.1, count: 200, delta: 1e-5),
        Case(rate: 0.3, noise: 4, count: 1000, delta: 1e-7), Case(rate: 0.004, noise: 0.9, count: 3000, delta: 1e-6),
    ]

    /// Those that vouch for the sampling.
    private func accountants(_ test: Case) -> [any PrivacyAccountant.Type] {
        AccountantRegistry.all.filter { accountant in
            var trial = accountant.init()
            return (try? trial.add(test.steps())) != nil
        }
    }

    @Test("more steps, likelier participants and less noise cost more", arguments: cases)
    func monotony(_ test: Case) throws {
        for accountant in accountants(test) {
            let cost = try accountant.epsilon(of: test.steps(), delta: test.delta)
            #expect(cost > 0)
            #expect(try accountant.epsilon(of: test.steps(count: 2), delta: test.delta) > cost)
            #expect(try accountant.epsilon(of: test.steps(noise: 1.02), delta: test.delta) < cost)
            #expect(try accountant.epsilon(of: test.steps(), delta: test.delta / 2) > cost)
            guard test.rate < 1 else { continue }
            #expect(try accountant.epsilon(of: test.steps(rate: 1.02), delta: test.delta) > cost)
        }
    }

    @Test("steps one by one cost what they cost together, in any order", arguments: cases)
    func composition(_ test: Case) throws {
        for accountant in accountants(test) {
            let other = test.steps(rate: 0.5, noise: 1.3)
            var (together, apart) = (accountant.init(), accountant.init())
            var isRefused = false
            do { try together.add(other) } catch { isRefused = true }
            guard !isRefused else { continue }
            try together.add(test.steps())
            for _ in 0..<min(test.count, 50) {
                try apart.add(NoisedSteps(noiseMultiplier: test.noise, sampling: .poisson(rate: test.rate)))
            }
            try apart.add(
                NoisedSteps(
                    noiseMultiplier: test.noise,
                    sampling: .poisson(rate: test.rate),
                    count: test.count - min(test.count, 50)
                )
            )
            try apart.add(other)
            let (first, second) = (together.epsilon(delta: test.delta), apart.epsilon(delta: test.delta))
            #expect(abs(first - second) < 1e-9 * first)
            // Two kinds of steps cost more than either alone.
            #expect(try first > accountant.epsilon(of: test.steps(), delta: test.delta))
        }
    }

    @Test("the tighter an accountant is said to be, the smaller is its answer", arguments: cases)
    func order(_ test: Case) throws {
        let tight = try LossDistributionAccountant.epsilon(of: test.steps(), delta: test.delta)
        let renyi = try RenyiAccountant.epsilon(of: test.steps(), delta: test.delta)
        #expect(tight < renyi)
        guard test.rate == 1 else { return }
        let exact = try GaussianAccountant.epsilon(of: test.steps(), delta: test.delta)
        let concentrated = try ConcentratedAccountant.epsilon(of: test.steps(), delta: test.delta)
        #expect(exact <= tight && tight <= exact * 1.001)
        // The best of all orders, where Rényi's accountant has 156.
        #expect(exact < concentrated && concentrated <= renyi * (1 + 1e-9))
    }

    @Test("sampling is never worse than everyone")
    func amplification() throws {
        for rate in [0.001, 0.1, 0.9, 0.999999] {
            for accountant in [RenyiAccountant.self, LossDistributionAccountant.self] as [any PrivacyAccountant.Type] {
                let sampled = NoisedSteps(noiseMultiplier: 1.2, sampling: .poisson(rate: rate), count: 20)
                let all = NoisedSteps(noiseMultiplier: 1.2, sampling: .everyone, count: 20)
                #expect(
                    try accountant.epsilon(of: sampled, delta: 1e-5) <= accountant.epsilon(of: all, delta: 1e-5) * 1.001
                )
            }
        }
    }

    @Test("δ as small as anybody asks for", arguments: [1e-10, 1e-12, 1e-15, 1e-30, 1e-100])
    func smallDelta(_ delta: Double) throws {
        let steps = NoisedSteps(noiseMultiplier: 3, sampling: .everyone, count: 30)
        let exact = try GaussianAccountant.epsilon(of: steps, delta: delta)
        let tight = try LossDistributionAccountant.epsilon(of: steps, delta: delta)
        #expect(exact.isFinite && exact <= tight && tight <= exact * 1.001)
        let sampled = NoisedSteps(noiseMultiplier: 1, sampling: .poisson(rate: 0.05), count: 500)
        let (loss, renyi) = (
            try LossDistributionAccountant.epsilon(of: sampled, delta: delta),
            try RenyiAccountant.epsilon(of: sampled, delta: delta)
        )
        #expect(loss.isFinite && loss < renyi)
    }

    @Test("nothing costs nothing; no δ is no promise, and a δ of 1 needs none")
    func ends() throws {
        for accountant in AccountantRegistry.all {
            var empty = accountant.init()
            #expect(empty.epsilon(delta: 1e-5) == 0)
            try empty.add(NoisedSteps(noiseMultiplier: 1, sampling: .everyone, count: 0))
            #expect(empty.epsilon(delta: 1e-5) == 0)
            try empty.add(NoisedSteps(noiseMultiplier: 1, sampling: .everyone))
            #expect(empty.epsilon(delta: 0) == .infinity && empty.epsilon(delta: .nan) == .infinity)
            #expect(empty.epsilon(delta: -1) == .infinity && empty.epsilon(delta: 1) == 0)
            // Total variation at z = 1 is 0.383.
            #expect(empty.epsilon(delta: 0.7) == 0)
            var loud = accountant.init()
            try loud.add(NoisedSteps(noiseMultiplier: 1e-3, sampling: .everyone))
            #expect(loud.epsilon(delta: 1e-5) > 500_000)
            var quiet = accountant.init()
            try quiet.add(NoisedSteps(noiseMultiplier: 1e9, sampling: .everyone, count: 100))
            #expect(quiet.epsilon(delta: 1e-5) == 0)
        }
    }

    @Test("every parameter in its range has an answer, however extreme")
    func extremes() throws {
        for noise in [1e-300, 1e-160, 1e-20, 0.05, 1e5, 1e160, 1e300] {
            for rate in [1e-300, 1e-9, 1 - 1e-16] {
                for count in [1, 1_000_000, .max] {
                    let steps = NoisedSteps(noiseMultiplier: noise, sampling: .poisson(rate: rate), count: count)
                    for accountant in AccountantRegistry.all {
                        var trial = accountant.init()
                        guard (try? trial.add(steps)) != nil else { continue }
                        for delta in [1e-300, 0.9] { #expect(trial.epsilon(delta: delta) >= 0) }
                    }
                }
            }
        }
    }
}
