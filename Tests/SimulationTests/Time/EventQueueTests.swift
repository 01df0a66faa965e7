import LinearAlgebra
import Testing

@testable import Simulation

@Suite("The queue of events")
struct EventQueueTests {
    private func order(_ events: [EventQueue.Event]) -> [EventQueue.Event] {
        var queue = EventQueue()
        for event in events { queue.insert(event) }
        var order: [EventQueue.Event] = []
        while let event = queue.removeFirst() { order.append(event) }
        return order
    }

    @Test("orders by time, then comings and goings, then clients, then work, whatever was put in first")
    func order() {
        let expected: [EventQueue.Event] = [
            .init(time: .seconds(1), kind: .delivered, client: 9, work: 4),
            .init(time: .seconds(2), kind: .presence, client: 5, work: 0),
            .init(time: .seconds(2), kind: .presence, client: 8, work: 0),
            .init(time: .seconds(2), kind: .trained, client: 1, work: 7),
            .init(time: .seconds(2), kind: .delivered, client: 2, work: 3),
            .init(time: .seconds(2), kind: .failed, client: 3, work: 1),
            .init(time: .seconds(2), kind: .trained, client: 3, work: 2),
            .init(time: .seconds(3), kind: .evaluated, client: 0, work: 1),
        ]
        var generator = CounterGenerator(seed: 1)
        for _ in 0..<50 { #expect(order(generator.shuffled(expected)) == expected) }
    }

    @Test("sorts many events")
    func many() {
        var generator = CounterGenerator(seed: 2)
        let events = (0..<500).map { index in
            EventQueue.Event(time: .seconds(generator.index(below: 50)), kind: .trained, client: index, work: index)
        }
        let found = order(events)
        #expect(found == events.sorted { ($0.time, $0.client) < ($1.time, $1.client) })
    }
}
