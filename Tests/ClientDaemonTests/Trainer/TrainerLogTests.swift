import ClientDaemon
import InMemoryLogging
import Logging
import Testing

@Suite("TrainerLog")
struct TrainerLogTests {
    @Test("lines come into the log as plain text, and beyond a rate they are counted")
    func limits() throws {
        let handler = InMemoryLogHandler()
        let log = TrainerLog(logger: Logger(label: "test") { _ in handler })
        let start = ContinuousClock.now
        log.take([Array("loading\u{1B}[31m model".utf8), Array("   ".utf8)], at: start)
        #expect(handler.entries.map { "\($0.metadata["says"] ?? "")" } == ["loading [31m model"])
        #expect(log.latest == "loading [31m model")

        log.take((0..<10_000).map { Array("line \($0)".utf8) }, at: start)
        #expect(handler.entries.count == 200)
        #expect(log.latest == "line 9999")
        log.take([Array("later".utf8)], at: start + .seconds(10))
        let last = handler.entries.suffix(2)
        #expect(last.first?.metadata["lines"] == "9801")
        #expect(last.last?.metadata["says"] == "later")
        log.forgetLatest()
        #expect(log.latest == nil)
    }
}
