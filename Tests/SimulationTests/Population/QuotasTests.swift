import LinearAlgebra
import Testing

@testable import Simulation

@Suite("Quotas")
struct QuotasTests {
    private func counts(_ shares: [Double], of clients: Int, seed: UInt64 = 1) -> [Int] {
        var generator = CounterGenerator(seed: seed)
        let kinds = Quotas.deal(shares, to: clients, using: &generator)
        return shares.indices.map { kind in kinds.count { Int($0) == kind } }
    }

    @Test("meet shares to the client")
    func exact() {
        #expect(counts([0.8, 0.1, 0.1], of: 50) == [40, 5, 5])
        #expect(counts([2, 1, 1], of: 400) == [200, 100, 100])
        #expect(counts([1], of: 3) == [3])
        #expect(counts([1, 0], of: 7) == [7, 0])
    }

    @Test("give what is left over to the largest remainders")
    func remainders() {
        #expect(counts([0.5, 0.3, 0.2], of: 3) == [1, 1, 1])
        #expect(counts([0.34, 0.33, 0.33], of: 4) == [2, 1, 1])
        for clients in 0..<40 { #expect(counts([0.57, 0.29, 0.14], of: clients).reduce(0, +) == clients) }
    }

    @Test("are dealt in an order that the seed decides")
    func order() {
        var (first, second, other) = (CounterGenerator(seed: 1), CounterGenerator(seed: 1), CounterGenerator(seed: 2))
        let kinds = Quotas.deal([1, 1], to: 60, using: &first)
        #expect(Quotas.deal([1, 1], to: 60, using: &second) == kinds)
        #expect(Quotas.deal([1, 1], to: 60, using: &other) != kinds)
        #expect(kinds != kinds.sorted())
    }
}

@Suite("Distributions of ranks")
struct RankSettingsTests {
    @Test("are those of FlexLoRA over its ranks")
    func published() {
        func shares(_ distribution: RankSettings.Distribution) -> [Double] {
            RankSettings.shares(of: distribution, over: 3, arePublished: true)
        }
        #expect(shares(.uniform) == [0.25, 0.5, 0.25])
        #expect(shares(.heavyTailLight) == [0.8, 0.1, 0.1])
        #expect(shares(.heavyTailStrong) == [0.05, 0.15, 0.8])
        #expect(shares(.normal) == [0.0575, 0.5, 0.4425])
    }

    @Test("keep their shape over other ranks", arguments: 1...6)
    func others(count: Int) {
        for distribution in RankSettings.Distribution.allCases {
            let shares = RankSettings.shares(of: distribution, over: count, arePublished: false)
            #expect(shares.count == count && abs(shares.reduce(0, +) - 1) < 1e-12)
        }
        let light = RankSettings.shares(of: .heavyTailLight, over: count, arePublished: false)
        let strong = RankSettings.shares(of: .heavyTailStrong, over: count, arePublished: false)
        #expect(light.first == light.max() && light == strong.reversed())
        let normal = RankSettings.shares(of: .normal, over: count, arePublished: false)
        #expect(zip(normal, normal.reversed()).allSatisfy { abs($0 - $1) < 1e-12 })
        if count > 2 { #expect(normal[0] < normal[count / 2]) }
    }
}
