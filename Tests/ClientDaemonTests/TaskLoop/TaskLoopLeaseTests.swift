import ClientDaemon
import FederatedLearning
import Testing

@Suite("Leases of orders")
struct TaskLoopLeaseTests {
    private let start = ContinuousClock.now
    private let lease = Assignment.longestLease

    private func working(on order: WorkOrder) -> TaskLoop {
        var loop = TaskLoop(limits: .init(maximumRank: 8))
        _ = loop.welcomed()
        _ = loop.received(order)
        _ = loop.payloadArrived(order.adapter.digest)
        loop.settle(at: start)
        return loop
    }

    @Test("do not run while the server could withdraw the order")
    func connected() {
        let loop = working(on: Sample.order())
        #expect(loop.nextExpiry == nil)
        #expect(loop.expiredOrders(at: start + lease * 10).isEmpty)
    }

    @Test("end work that was cut off from its server for too long")
    func cutOff() {
        let order = Sample.order()
        var loop = working(on: order)
        loop.disconnected()
        loop.settle(at: start + .seconds(1))
        loop.settle(at: start + .seconds(500))
        #expect(loop.nextExpiry == start + .seconds(1) + lease)
        #expect(loop.expired(at: start + lease).isEmpty)
        #expect(loop.expiredOrders(at: start + .seconds(1) + lease) == [order.id])
        #expect(loop.expired(at: start + .seconds(1) + lease) == [.cancel(order.id)])
        #expect(loop.nextExpiry == nil)
        // Its late result is not wanted either.
        #expect(loop.finished(Sample.update(of: order)) == [.forget(Sample.update(of: order))])
    }

    @Test("go on after a new connection until the server gives the order again")
    func reconnected() {
        let order = Sample.order()
        var loop = working(on: order)
        loop.disconnected()
        loop.settle(at: start + .seconds(1))
        _ = loop.welcomed()
        loop.settle(at: start + .seconds(2))
        #expect(loop.nextExpiry == start + .seconds(1) + lease)
        #expect(loop.received(order) == [.send(.accept(order.id))])
        loop.settle(at: start + .seconds(3))
        #expect(loop.nextExpiry == nil)
    }

    @Test("never end what is done: it waits for its verdict as long as it takes")
    func done() {
        let order = Sample.order()
        var loop = working(on: order)
        _ = loop.finished(Sample.update(of: order))
        loop.disconnected()
        loop.settle(at: start)
        #expect(loop.nextExpiry == nil)
        #expect(loop.expired(at: start + lease * 10).isEmpty)
        #expect(loop.unjudged.count == 1)
    }

    @Test("are not needed where a later round of the same job has begun")
    func overtaken() {
        let first = Sample.order(round: 1)
        var loop = working(on: first)
        let other = Sample.order(round: 1, content: 7, job: JobID(rawValue: "another job"))
        #expect(loop.received(other) == [.send(.accept(other.id))])
        let evaluation = Sample.order(round: 1, kind: .evaluate)
        #expect(loop.received(evaluation) == [.send(.accept(evaluation.id))])
        let later = Sample.order(round: 2, content: 2)
        #expect(loop.received(later) == [.send(.accept(later.id)), .cancel(first.id)])
        #expect(loop.waitingCount == 3)
        #expect(loop.stopped(first.id) == [.fetch(other.adapter)])
        // The round that was overtaken is not begun again by a copy of its order that was on the way.
        #expect(loop.waitingCount == 2)
    }
}
