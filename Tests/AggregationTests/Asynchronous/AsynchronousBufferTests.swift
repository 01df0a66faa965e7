import Foundation
import Testing

@testable import Aggregation

struct AsynchronousBufferTests {
    typealias Buffer = AsynchronousBuffer<String>

    private func entry(_ client: String, _ version: Int, _ update: String? = nil) -> Buffer.Entry {
        Buffer.Entry(client: ClientID(client), version: version, update: update ?? "\(client)-\(version)")
    }

    private func buffer(of size: Int, maximumStaleness: Int? = nil) -> Buffer {
        Buffer(BufferedAggregation(bufferSize: size, maximumStaleness: maximumStaleness))
    }

    /// Fills the buffer with fresh updates and takes the steps until the version is `version`.
    private func advance(_ buffer: inout Buffer, to version: Int) {
        while buffer.version < version {
            while buffer.step == nil {
                _ = buffer.receive(entry("filler-\(buffer.waitingCount)", buffer.version))
            }
            _ = buffer.stepTaken()
        }
    }

    @Test("asks for a step when it is full, in the order of the clients' names")
    func fills() {
        var buffer = buffer(of: 3)
        #expect(buffer.receive(entry("c", 0)) == .keep(missing: 2))
        #expect(buffer.receive(entry("a", 0)) == .keep(missing: 1))
        let step = Buffer.Step(version: 0, entries: [entry("a", 0), entry("b", 0), entry("c", 0)])
        #expect(buffer.receive(entry("b", 0)) == .combine(step))
        #expect(step.stalenesses == [0, 0, 0])
        let (dropped, next) = buffer.stepTaken()
        #expect(dropped.isEmpty && next == nil)
        #expect(buffer.version == 1 && buffer.waitingCount == 0)
    }

    @Test("gives the same step for any order of arrival")
    func order() {
        let entries = ["d", "a", "c", "b"].map { entry($0, 0) }
        var steps: Set<Buffer.Step> = []
        for rotation in 0..<4 {
            var buffer = buffer(of: 4)
            for index in 0..<4 {
                if case .combine(let step) = buffer.receive(entries[(index + rotation) % 4]) { steps.insert(step) }
            }
        }
        #expect(steps.count == 1)
    }

    @Test("takes two updates of one fast client, but none of them twice")
    func duplicates() {
        var buffer = buffer(of: 3)
        _ = buffer.receive(entry("a", 0, "first"))
        #expect(buffer.receive(entry("a", 0, "first")) == .ignoreDuplicate)
        #expect(buffer.receive(entry("a", 0, "second")) == .keep(missing: 1))
        _ = buffer.receive(entry("b", 0))
        // Also not while the step that contains it is being taken.
        #expect(buffer.receive(entry("a", 0, "second")) == .ignoreDuplicate)
    }

    @Test("measures staleness against the version that a step starts from")
    func stalenesses() {
        var buffer = buffer(of: 2)
        advance(&buffer, to: 3)
        _ = buffer.receive(entry("slow", 0))
        guard case .combine(let step) = buffer.receive(entry("fast", 3)) else {
            Issue.record("no step is due")
            return
        }
        #expect(step.entries.map(\.client.rawValue) == ["fast", "slow"])
        #expect(step.stalenesses == [0, 3])
        #expect(buffer.versionsInUse == [0, 3])
    }

    @Test("drops what is too old, and takes what just is not")
    func tooOld() {
        var buffer = buffer(of: 2, maximumStaleness: 2)
        advance(&buffer, to: 3)
        #expect(buffer.receive(entry("a", 0)) == .dropStale(staleness: 3, limit: 2))
        #expect(buffer.receive(entry("b", 1)) == .keep(missing: 1))
    }

    @Test("rejects versions that do not exist")
    func unknownVersions() {
        var buffer = buffer(of: 2)
        #expect(buffer.receive(entry("a", 1)) == .rejectUnknownVersion(1, current: 0))
        #expect(buffer.receive(entry("a", -1)) == .rejectUnknownVersion(-1, current: 0))
        #expect(buffer.receive(entry("a", .max)) == .rejectUnknownVersion(.max, current: 0))
        #expect(buffer.waitingCount == 0)
    }

    @Test("keeps what arrives during a step for the next one")
    func duringStep() {
        var buffer = buffer(of: 1, maximumStaleness: 1)
        _ = buffer.receive(entry("a", 0))
        #expect(buffer.receive(entry("b", 0)) == .keepForLater)
        #expect(buffer.receive(entry("c", 0)) == .keepForLater)
        let first = buffer.stepTaken()
        #expect(first.dropped.isEmpty)
        #expect(first.next == Buffer.Step(version: 1, entries: [entry("b", 0)]))
        // Two versions behind by now.
        let second = buffer.stepTaken()
        #expect(second.dropped == [entry("c", 0)])
        #expect(second.next == nil)
        #expect(buffer.version == 2)
    }

    @Test("goes on with what was waiting, and says which step is due")
    func restored() {
        let aggregation = BufferedAggregation(bufferSize: 2, maximumStaleness: 3)
        var half = Buffer(aggregation, version: 5, waiting: [entry("b", 4)])
        #expect(half.stepDue() == nil)
        #expect(half.receive(entry("b", 4)) == .ignoreDuplicate)
        #expect(half.receive(entry("c", 1)) == .dropStale(staleness: 4, limit: 3))
        let step = Buffer.Step(version: 5, entries: [entry("a", 5), entry("b", 4)])
        #expect(half.receive(entry("a", 5)) == .combine(step))

        var full = Buffer(aggregation, version: 5, waiting: [entry("b", 4), entry("a", 5)])
        #expect(full.stepDue() == step)
        // Asked again, it is the same one.
        #expect(full.stepDue() == step)
        _ = full.stepTaken()
        #expect(full.version == 6 && full.waitingCount == 0)
        #expect(full.stepDue() == nil)
    }

    @Test("stays at its version when a step is given up, without the step's updates")
    func givenUp() {
        var buffer = buffer(of: 1)
        _ = buffer.receive(entry("a", 0))
        _ = buffer.receive(entry("b", 0))
        #expect(buffer.stepGivenUp() == Buffer.Step(version: 0, entries: [entry("b", 0)]))
        #expect(buffer.stepGivenUp() == nil)
        #expect(buffer.version == 0 && buffer.versionsInUse.isEmpty)
    }

    @Test("is the same after it was stored and read, also in the middle of a step")
    func stored() throws {
        var buffer = buffer(of: 2, maximumStaleness: 5)
        advance(&buffer, to: 2)
        for (client, version) in [("a", 1), ("b", 2), ("c", 2)] {
            _ = buffer.receive(entry(client, version))
            var restored = try JSONDecoder().decode(Buffer.self, from: JSONEncoder().encode(buffer))
            #expect(restored == buffer)
            #expect(
                restored.receive(entry("d", 2))
                    == {
                        var copy = buffer; return copy.receive(entry("d", 2))
                    }()
            )
        }
        #expect(buffer.step?.version == 2)
    }
}
