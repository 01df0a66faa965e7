import ClientDaemon
import Testing

@Suite("Throttle")
struct ThrottleTests {
    @Test("lets through the first event, and then one an interval")
    func admits() {
        var throttle = Throttle(interval: .milliseconds(500))
        let start = ContinuousClock.now
        let admitted = [0, 1, 499, 500, 501, 999, 1000, 5000].filter {
            throttle.admits(at: start + .milliseconds($0))
        }
        #expect(admitted == [0, 500, 1000, 5000])
    }
}
