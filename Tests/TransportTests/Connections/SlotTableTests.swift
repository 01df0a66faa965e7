import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("The places of a listener")
struct SlotTableTests {
    @Test("are taken from the stranger that has been there for the longest time")
    func oldestStranger() {
        var table = SlotTable()
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        for channel in channels { _ = table.insert(channel) }
        #expect(table.prove(channels[0], isOf: "a", atMost: 4) == nil)
        #expect(table.strangerCount == 3)
        #expect(table.removeOldestStranger() === channels[1])
        table.remove(2)
        #expect(table.removeOldestStranger() === channels[3])
        #expect(table.removeOldestStranger() == nil)
        #expect(table.strangerCount == 0)
        #expect(table.count == 1)
        let late = EmbeddedChannel()
        _ = table.insert(late)
        #expect(table.removeOldestStranger() === late)
    }

    @Test("of one member are few, and the oldest gives way")
    func members() {
        var table = SlotTable()
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        for channel in channels { _ = table.insert(channel) }
        #expect(table.prove(channels[0], isOf: "a", atMost: 2) == nil)
        #expect(table.prove(channels[1], isOf: "b", atMost: 2) == nil)
        #expect(table.prove(channels[2], isOf: "a", atMost: 2) == nil)
        #expect(table.prove(channels[3], isOf: "a", atMost: 2) === channels[0])
        #expect(table.count == 3)
        // Proven once, counted once.
        #expect(table.prove(channels[3], isOf: "a", atMost: 2) == nil)
        table.remove(0)
        #expect(table.count == 3)
    }
}
