import NIOCore
import Transport
import WireProtocol

/// Moves frames between a connection and its session, until one of them is over.
///
/// Reading, writing, sending payloads and keeping time are children of one task group, so that a client which reads slowly
/// is still heard, and one which is silent is still written to.
struct SessionDriver {
    private enum Part {
        case reading, writing, sendingPayloads, keepingTime
        /// The time for what is still in line is up.
        case farewell
    }

    let connection: FrameConnection
    let session: ClientSession
    let payloads: PayloadStore

    /// How long what is in line may take to leave when the session is over.
    private static let farewell = Duration.milliseconds(500)

    /// Returns when the connection is closed.
    func run() async {
        await withTaskGroup(of: Part.self) { group in
            group.addTask(executorPreference: session.payloadExecutor.tasks) {
                await read()
                return .reading
            }
            group.addTask {
                await write()
                return .writing
            }
            group.addTask {
                await sendPayloads()
                return .sendingPayloads
            }
            group.addTask {
                await keepTime()
                return .keepingTime
            }
            // Reading ends when the peer closes or breaks a rule, writing when it is gone, keeping time when it is silent.
            var part = await group.next()
            await session.close()
            group.addTask {
                try? await Task.sleep(for: Self.farewell)
                return .farewell
            }
            while let over = part, over != .writing, over != .farewell { part = await group.next() }
            group.cancelAll()
        }
        await connection.close(saying: Task.isCancelled ? session.shutdownNotice : session.farewell)
    }

    private func read() async {
        do {
            for try await frame in connection.inbound {
                guard await session.received(frame) else { return }
            }
        } catch let error as FramingError {
            var goodbye = Tributary_V1_Goodbye()
            goodbye.code = .protocolError
            goodbye.reason = "\(error)"
            await session.end(goodbye)
        } catch {
            // The connection broke; the client comes again.
        }
    }

    private func write() async {
        for await frame in session.outgoing {
            do {
                // Before the frame that makes the client send more.
                connection.allow(await session.expectedFrames)
                try await connection.send(frame)
            } catch {
                return
            }
        }
    }

    private func sendPayloads() async {
        for await fetch in session.fetches {
            do {
                guard try await session.begins(fetch) else { continue }
                try await send(fetch)
                await session.ends(fetch)
            } catch is TransportError {
                return
            } catch {
                return await session.fail(error)
            }
        }
    }

    private func send(_ fetch: ClientSession.Fetch) async throws {
        let reader = try await payloads.openReader(of: fetch.digest, from: fetch.offset)
        try await withTaskExecutorPreference(reader.executor.tasks) {
            var offset = fetch.offset
            while offset < reader.byteCount {
                let bytes = try await reader.read(atMost: FrameLimits.defaultChunkBytes)
                let count = bytes.readableBytes
                try await connection.send(.chunk(Chunk(digest: fetch.digest, offset: offset, bytes: bytes)))
                await session.sent(count, of: fetch)
                offset += UInt64(count)
            }
        }
    }

    private func keepTime() async {
        repeat {
            do {
                try await Task.sleep(until: session.nextLook)
            } catch {
                return
            }
        } while await session.checkDeadline(begun: connection.begunChunk)
    }
}

extension Tributary_V1_Goodbye {
    /// How many clients may come back in a second after a restart: a handshake costs a core a millisecond or so.
    private static let returnsPerSecond = 250

    static var shuttingDown: Tributary_V1_Goodbye { shuttingDown(clients: 0) }

    /// The last word of a server that stops, which spreads the return of so many clients.
    static func shuttingDown(clients: Int) -> Tributary_V1_Goodbye {
        var goodbye = Tributary_V1_Goodbye(
            .shuttingDown,
            "The server is shutting down. It resumes where it stopped."
        )
        goodbye.reconnectWithinMilliseconds = UInt32(clamping: 1000 + clients * 1000 / returnsPerSecond)
        return goodbye
    }

    init(_ code: Code, _ reason: String) {
        self.init()
        self.code = code
        self.reason = reason
    }
}
