import FederatedLearning

/// The system's clock with a mistake in its alarms.
struct WrongClock: RunClock {
    enum Mistake {
        case neverRings, ringsAtOnce
    }

    let mistake: Mistake
    private let base = SystemRunClock()

    init(_ mistake: Mistake) {
        self.mistake = mistake
    }

    func now() -> Duration {
        switch mistake {
        case .neverRings: base.now()
        case .ringsAtOnce: base.now() * 1000
        }
    }

    func alarm(at time: Duration, ring: @escaping @Sendable () -> Void) -> RunAlarm {
        switch mistake {
        case .neverRings: RunAlarm {}
        case .ringsAtOnce: base.alarm(at: base.now(), ring: ring)
        }
    }
}
