import LinearAlgebra
import NIOCore
import NIOEmbedded

/// The network between simulated clients and their server.
final class SimulatedNetwork {
    /// What is wrong with the way of each client.
    var links: [LinkCondition]
    /// Every connection that is still open at one end at least.
    private(set) var connections: [SimulatedConnection] = []
    /// What all channels believe to run on.
    let eventLoop = EmbeddedEventLoop()
    /// Told of every frame: whose connection, which side sent it, its bytes, and what becomes of it.
    var observe: (SimulatedConnection, SimulatedConnection.Side, ByteBuffer, StaticString) -> Void =
        { _, _, _, _ in }
    /// The most bytes that were under way on one connection in one direction.
    private(set) var largestBacklog = 0

    private let scheduler: Scheduler
    private var generator: CounterGenerator
    /// How often a held direction looks whether it still is.
    private static let recheck: Int64 = 100_000_000

    init(clients: Int, scheduler: Scheduler, seed: UInt64) {
        self.links = Array(repeating: LinkCondition(), count: clients)
        self.scheduler = scheduler
        self.generator = CounterGenerator(seed: seed, stream: 3)
    }

    /// Makes a connection; both ends find their channels open.
    func connect(
        _ client: Int,
        _ clientProcess: SimulatedProcess,
        to server: SimulatedProcess
    ) throws -> SimulatedConnection {
        connections.removeAll { !$0.isOpen }
        let connection = try SimulatedConnection(client: client, processes: [clientProcess, server], network: self)
        connections.append(connection)
        return connection
    }

    /// Ends every connection of a process that is gone.
    func abandon(_ process: SimulatedProcess, silently: Bool) {
        for connection in connections {
            for side in [SimulatedConnection.Side.client, .server]
            where connection.processes[side.rawValue] === process {
                connection.abandon(side, silently: silently)
            }
        }
        connections.removeAll { connection in connection.processes.contains { $0 === process } }
    }

    // MARK: - Decisions, for connections

    private func draw(_ chances: Int) -> Bool { chances > 0 && Int(generator.next() % 1000) < chances }

    func fate(
        of frame: ByteBuffer,
        from side: SimulatedConnection.Side,
        of connection: SimulatedConnection
    )
        -> SimulatedConnection.Fate
    {
        let link = links[connection.client]
        let (fate, name): (SimulatedConnection.Fate, StaticString) =
            if draw(link.losesFrames) {
                (.vanishes, "lost")
            } else if draw(link.repeatsFrames) {
                (.comesTwice, "twice")
            } else if draw(link.swapsFrames) {
                (.comesLate, "late")
            } else if draw(link.cutsFrames) {
                (.isCut, "cut")
            } else {
                (.arrives, "sent")
            }
        observe(connection, side, frame, name)
        return fate
    }

    func arrival(of bytes: Int, from side: SimulatedConnection.Side, of connection: SimulatedConnection) -> Int64 {
        let link = links[connection.client]
        let span = UInt64(link.delay.upperBound - link.delay.lowerBound) + 1
        let delay = link.delay.lowerBound + Int64(generator.next() % span)
        // In whole blocks, so that a certificate that is a byte longer in another run takes no longer.
        let transfer = link.bandwidth.map { Int64(bytes / 512 + 1) * 512_000_000_000 / Int64($0) } ?? 0
        largestBacklog = max(largestBacklog, connection.bytesUnderWay[side.rawValue] + bytes)
        return scheduler.now + delay + transfer
    }

    /// Has the next of what one side sent arrive when its time has come and the way is free.
    func schedule(at time: Int64, from side: SimulatedConnection.Side, of connection: SimulatedConnection) {
        scheduler.after(time - scheduler.now, as: scheduler.harness) { [self] in
            let link = links[connection.client]
            guard side == .client ? link.holdsUp : link.holdsDown else { return connection.arrive(from: side) }
            schedule(at: scheduler.now + Self.recheck, from: side, of: connection)
        }
    }

    /// Does something to a channel of `process`, with everything that its event loop makes of it.
    func perform(as process: SimulatedProcess, _ body: () -> Void) {
        scheduler.perform(as: process) {
            body()
            eventLoop.run()
        }
    }

    /// Cuts bytes where a network might have: mostly not at all, sometimes anywhere.
    func pieces(of bytes: ByteBuffer) -> [ByteBuffer] {
        guard bytes.readableBytes > 1, draw(100) else { return [bytes] }
        var (rest, pieces) = (bytes, [ByteBuffer]())
        if let piece = rest.readSlice(length: Int(generator.next() % UInt64(rest.readableBytes))) {
            pieces.append(piece)
        }
        return pieces + [rest]
    }
}
