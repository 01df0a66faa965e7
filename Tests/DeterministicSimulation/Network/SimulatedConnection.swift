import NIOCore
import NIOEmbedded

/// A connection of a simulated network: two channels of bytes, and what is under way between them.
///
/// Each end has the pipeline of a real connection above TLS (`FrameConnection`), so what comes through here are the frames
/// that the real encoder wrote and the real decoder reads.
final class SimulatedConnection {
    enum Side: Int, Sendable {
        case client, server

        var other: Side { self == .client ? .server : .client }
    }

    /// What the network does with one frame.
    enum Fate {
        case arrives, vanishes, comesTwice, comesLate, isCut
    }

    let client: Int
    /// The processes at the ends, by side.
    let processes: [SimulatedProcess]
    /// The channels at the ends, by side.
    private(set) var channels: [EmbeddedChannel] = []
    /// Whether it swallows everything without a word.
    var isBlackHole = false

    private unowned let network: SimulatedNetwork
    private var isClosed = [false, false]
    /// When the last byte so far arrives, by the side that sent it.
    private var arrival: [Int64] = [0, 0]
    /// A frame that waits for the one after it, by the side that sent it.
    private var late: [ByteBuffer?] = [nil, nil]
    /// What is under way, by the side that sent it: the first to arrive at the front.
    private var underWay: [[() -> Void]] = [[], []]
    /// Bytes under way, by the side that sent them.
    private(set) var bytesUnderWay = [0, 0]

    init(client: Int, processes: [SimulatedProcess], network: SimulatedNetwork) throws {
        self.client = client
        self.processes = processes
        self.network = network
        for side in [Side.client, .server] {
            let channel = EmbeddedChannel(handler: SocketHandler(self, side), loop: network.eventLoop)
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 8443), promise: nil)
            channels.append(channel)
        }
    }

    var isOpen: Bool { isClosed == [false, false] }

    // MARK: - What the ends do

    func send(_ bytes: ByteBuffer, from side: Side) {
        guard processes[side.rawValue].isAlive, !isClosed[side.rawValue], !isBlackHole else { return }
        for frame in Self.frames(in: bytes) {
            let fate = network.fate(of: frame, from: side, of: self)
            switch fate {
            case .arrives: pass(frame, from: side)
            case .vanishes: break
            case .comesTwice:
                pass(frame, from: side)
                pass(frame, from: side)
            case .comesLate where late[side.rawValue] == nil:
                late[side.rawValue] = frame
                continue
            case .comesLate: pass(frame, from: side)
            case .isCut:
                pass(frame.getSlice(at: frame.readerIndex, length: frame.readableBytes / 2) ?? frame, from: side)
                cut()
                return
            }
            if let waiting = late[side.rawValue] {
                late[side.rawValue] = nil
                pass(waiting, from: side)
            }
        }
    }

    func closed(by side: Side) {
        guard !isClosed[side.rawValue] else { return }
        isClosed[side.rawValue] = true
        guard processes[side.rawValue].isAlive, !isBlackHole else { return }
        endOther(than: side)
    }

    // MARK: - What the network does

    /// Ends the connection at both ends, as a broken cable and two kernels do.
    func cut() {
        for side in [Side.client, .server] { endOther(than: side) }
    }

    /// A process is gone; its kernel says so, unless the machine is gone, too.
    func abandon(_ side: Side, silently: Bool) {
        if silently { isBlackHole = true } else { endOther(than: side) }
        isClosed[side.rawValue] = true
        network.perform(as: processes[side.rawValue]) { channels[side.rawValue].close(promise: nil) }
    }

    private func endOther(than side: Side) {
        let target = side.other
        let time = max(arrival[side.rawValue], network.arrival(of: 0, from: side, of: self))
        arrival[side.rawValue] = time
        underWay[side.rawValue].append { [self] in
            guard !isClosed[target.rawValue] else { return }
            isClosed[target.rawValue] = true
            channels[target.rawValue].close(promise: nil)
        }
        network.schedule(at: time, from: side, of: self)
    }

    /// The next of what one side sent arrives.
    func arrive(from side: Side) {
        let receiver = processes[side.other.rawValue]
        let body = underWay[side.rawValue].removeFirst()
        if receiver.isAlive { network.perform(as: receiver, body) }
    }

    private func pass(_ bytes: ByteBuffer, from side: Side) {
        // Never before what was sent before it.
        let time = max(arrival[side.rawValue], network.arrival(of: bytes.readableBytes, from: side, of: self))
        arrival[side.rawValue] = time
        bytesUnderWay[side.rawValue] += bytes.readableBytes
        underWay[side.rawValue].append { [self] in
            bytesUnderWay[side.rawValue] -= bytes.readableBytes
            let target = side.other.rawValue
            guard !isClosed[target], processes[target].isAlive else { return }
            let pipeline = channels[target].pipeline
            for piece in network.pieces(of: bytes) { pipeline.fireChannelRead(piece) }
            pipeline.fireChannelReadComplete()
        }
        network.schedule(at: time, from: side, of: self)
    }

    /// Cuts what was flushed at once into frames: a length word of four bytes, and as many as it says.
    private static func frames(in bytes: ByteBuffer) -> [ByteBuffer] {
        var (bytes, frames) = (bytes, [ByteBuffer]())
        while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self),
            let frame = bytes.readSlice(length: 4 + Int(length))
        {
            frames.append(frame)
        }
        if bytes.readableBytes > 0 { frames.append(bytes) }
        return frames
    }
}
