import FederatedLearning
import TestSupport
import Testing

@testable import struct FederatedLearning.AbsenceWatch
@testable import struct FederatedLearning.RunInbox

struct AbsenceWatchTests {
    private let clock = ManualRunClock()

    private func watch(delay: Duration?) -> AbsenceWatch {
        AbsenceWatch(delay: delay, inbox: RunInbox(), clock: clock)
    }

    @Test("tells of a client that has been away for too long, once")
    func overdue() {
        var watch = watch(delay: .seconds(30))
        watch.heard(.departed("a"))
        clock.advance(by: .seconds(29))
        #expect(watch.overdue(at: clock.now()) == [])
        clock.advance(by: .seconds(1))
        #expect(watch.overdue(at: clock.now()) == ["a"])
        #expect(watch.overdue(at: clock.now()) == [])
    }

    @Test("forgets who comes back")
    func back() {
        var watch = watch(delay: .seconds(30))
        watch.heard(.departed("a"))
        watch.heard(.arrived(ClientProfile(id: "a", maximumRank: 4)))
        clock.advance(by: .seconds(60))
        #expect(watch.overdue(at: clock.now()) == [])
    }

    @Test("watches nobody without a delay")
    func noDelay() {
        var watch = watch(delay: nil)
        watch.heard(.departed("a"))
        clock.advance(by: .seconds(1_000_000))
        #expect(watch.overdue(at: clock.now()) == [])
    }
}
