private import LinearAlgebra

/// What one seed stands for: a job, and everything that goes wrong while it runs.
package struct Scenario: Sendable {
    /// Until when things go wrong, in nanoseconds since the simulation began.
    package static let troubled: Int64 = 45_000_000_000

    package let seed: UInt64
    package let rounds: Int
    /// How few updates close a round at its deadline.
    package let minimum: Int
    package let privacy: SimulatedJob.Privacy
    package let faults: [Fault]

    /// Draws the scenario of a seed.
    package init(seed: UInt64, rounds: Int = 10) {
        var generator = CounterGenerator(seed: seed, stream: 4)
        self.seed = seed
        self.rounds = rounds
        self.minimum = Int.random(in: 1...FederationTemplate.honest, using: &generator)
        self.privacy =
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: .local
            case 1: .central
            default: .none
            }
        let count = Int.random(in: 1...10, using: &generator)
        var faults = (0..<count).map { _ in Self.fault(using: &generator) }.sorted { $0.time < $1.time }
        // Two leaps of the calendar are longer than a certificate's life: whoever is away in between has to be invited again.
        if let first = faults.firstIndex(where: { $0.kind == .certificatesRenew }) {
            faults = faults.enumerated().filter { $0 <= first || $1.kind != .certificatesRenew }.map(\.element)
        }
        // A server that is behind renews what has ended for everybody else, for a time that is taken back.
        if faults.contains(where: { $0.kind == .certificatesEnd }) {
            faults.removeAll { $0.kind == .serverClockBackward }
        }
        // A certificate of a server that was ahead is not good yet for one that is not: what follows is no fault of ours.
        let issues = faults.contains { [.revocation, .certificatesRenew].contains($0.kind) }
        self.faults = issues ? faults.filter { !$0.kind.turnsServerClock } : faults
    }

    /// A scenario in which nothing goes wrong.
    package static func calm(seed: UInt64, rounds: Int = 10, privacy: SimulatedJob.Privacy = .none) -> Scenario {
        Scenario(seed: seed, rounds: rounds, minimum: FederationTemplate.honest, privacy: privacy, faults: [])
    }

    private init(seed: UInt64, rounds: Int, minimum: Int, privacy: SimulatedJob.Privacy, faults: [Fault]) {
        self.seed = seed
        self.rounds = rounds
        self.minimum = minimum
        self.privacy = privacy
        self.faults = faults
    }

    private static func fault(using generator: inout CounterGenerator) -> Fault {
        let kind = FaultKind.allCases[Int.random(in: 0..<FaultKind.allCases.count, using: &generator)]
        let isHostile = kind.isHostile
        return Fault(
            kind: kind,
            // Most of what can go wrong goes wrong while the first rounds are under way.
            time: Int64.random(
                in: 0...(Bool.random(using: &generator) ? troubled / 4 : troubled * 3 / 4),
                using: &generator
            ),
            span: Int64.random(in: 1_000_000_000...20_000_000_000, using: &generator),
            client: isHostile
                ? FederationTemplate.honest + Int.random(in: 0..<FederationTemplate.hostile, using: &generator)
                : Int.random(in: 0..<FederationTemplate.honest, using: &generator),
            amount: Int.random(in: 0..<kind.amounts, using: &generator)
        )
    }
}

extension FaultKind {
    /// Whether a peer that follows no rules does it.
    package var isHostile: Bool {
        switch self {
        case .notFinite, .wrongShape, .wrongDigest, .oversize, .lyingCount, .staleOffer, .foreignOffer, .rubbish: true
        default: false
        }
    }

    fileprivate var turnsServerClock: Bool {
        [.serverClockForward, .serverClockBackward, .certificatesEnd].contains(self)
    }

    /// Below which number its amount is drawn.
    fileprivate var amounts: Int {
        switch self {
        // Changes of files: a server makes some hundred a round, a client a dozen.
        case .serverKillAtChange, .serverKillAfterChange, .serverPowerCutAtChange: 800
        case .clientKillAtChange, .clientKillAfterChange, .clientPowerCutAtChange: 60
        default: 100
        }
    }
}
