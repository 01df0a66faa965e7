import ClientDaemon
import FederatedLearning
import InMemoryLogging
import Logging
import Testing

struct LiveLogTests {
    @Test("gives lines from a number on, a batch at a time, and forgets the oldest")
    func lines() {
        let log = LiveLog()
        #expect(log.lines(from: 0).texts.isEmpty)
        for number in 0..<(LiveLog.capacity + 10) { log.append("line \(number)") }
        let first = log.lines(from: 0)
        #expect(first.first == 10, "ten were forgotten")
        #expect(first.texts.count == LiveLog.batch)
        #expect(first.texts.first == "line 10")
        let last = UInt64(LiveLog.capacity + 9)
        #expect(log.lines(from: last).texts == ["line \(last)"])
        // Whoever asks for more than there is learns where the log ends.
        let end = log.lines(from: .max)
        #expect(end.first == last + 1 && end.texts.isEmpty)
    }

    @Test("a line is one line, and short")
    func cleansLines() {
        let log = LiveLog()
        log.append("first\nsecond\u{1B}[31m" + String(repeating: "x", count: 5000))
        let text = log.lines(from: 0).texts.joined()
        #expect(text.hasPrefix("first second [31mx") && text.count == 300)
    }

    private static func order(_ mechanism: PrivacySettings.Mechanism?) -> WorkOrder {
        let plain = Sample.assignment
        let privacy = mechanism.map {
            PrivacySettings(mechanism: $0, clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5)
        }
        return WorkOrder(
            id: .init(job: Sample.job, round: 1, kind: .train),
            adapter: Sample.adapter(content: 1),
            assignment: Assignment(
                jobName: plain.jobName,
                model: plain.model,
                modelDigest: plain.modelDigest,
                task: plain.task,
                labels: plain.labels,
                adapter: plain.adapter,
                training: plain.training,
                evaluation: plain.evaluation,
                seed: plain.seed,
                privacy: privacy
            )
        )
    }

    @Test("is sealed for good by the first job whose privacy hides the silo's data", arguments: [true, false])
    func seals(_ isLocal: Bool) {
        let log = LiveLog()
        for mechanism in [nil, PrivacySettings.Mechanism.central, .tree] {
            log.watch(.started(Self.order(mechanism)))
        }
        log.append("loss 0.5")
        #expect(log.lines(from: 0).texts == ["loss 0.5"])
        log.watch(.started(Self.order(isLocal ? .local : .exampleLevel)))
        log.append("loss 0.4")
        // The next job hides nothing, but a line of the one before may still come.
        log.watch(.started(Self.order(nil)))
        log.append("loss 0.3")
        let texts = log.lines(from: 0).texts
        #expect(texts.count == 2)
        #expect(texts.last?.contains("hides what happens") == true)
    }

    @Test("the handler copies what a steward reads, and passes all of it on")
    func copies() throws {
        let log = LiveLog()
        let base = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in
            LiveLogHandler(base, copyingTo: log) { "12:00" }
        }
        logger.logLevel = .debug
        logger.debug("not for others")
        logger.info("Training done", metadata: ["round": "3", "loss": "0.5"])
        #expect(log.lines(from: 0).texts == ["12:00 info: Training done loss=0.5 round=3"])
        #expect(base.entries.count == 2)
    }
}
