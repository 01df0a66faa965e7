package import FederatedLearning
private import Foundation
private import NIOCore
import Synchronization
package import Transport
package import WireProtocol

/// One connection to the server, from Hello to its end.
///
/// What the server says goes to the ``TaskDriver``; what is to be said waits in a queue and never holds up whoever says
/// it. Heartbeats have a task of their own, so that neither a long transfer nor a long training makes the client look
/// dead.
package final class ServerLink: Sendable {
    /// How a connection ended without an error.
    package enum Ending: Sendable, Equatable {
        /// The server said why.
        case goodbye(Tributary_V1_Goodbye.Code, reason: String, reconnectWithin: Duration? = nil)
        case closed
    }

    enum Request: Sendable {
        case say(Tributary_V1_Control.OneOf_Message)
        case fetch(AdapterReference)
    }

    struct Download: Sendable {
        let adapter: AdapterReference
        let receiver: PayloadReceiver
        let start: UInt64
    }

    struct State: Sendable {
        var conversation: ClientConversation
        var wasWelcomed = false
        /// Whether a request for a certificate has no answer yet.
        var awaitsRenewal = false
        var chunkBytes = FrameLimits.defaultChunkBytes
        /// Payloads that are to be asked for as soon as the requests before them are through.
        var queuedDownloads: Set<PayloadDigest> = []
        var downloads: [PayloadDigest: Download] = [:]
        /// Wanted again while the rest of an earlier, abandoned download is on its way.
        var postponedDownloads: [PayloadDigest: AdapterReference] = [:]
        var uploads: [WorkOrder.ID: Task<Void, Never>] = [:]
    }

    let connection: FrameConnection
    let payloads: PayloadStore
    private let outbox: Outbox
    private let keeper: CredentialKeeper
    private let log: LiveLog?
    private let observe: @Sendable (ClientEvent) -> Void
    let limits: ConversationLimits
    let state: Mutex<State>
    /// Where what the server sends is heard, hashed and written.
    let payloadExecutor = PayloadExecutor(label: "link.payloads")
    let (requests, requestsContinuation) = AsyncStream.makeStream(of: Request.self)
    private let (heartbeats, heartbeatsContinuation) = AsyncStream.makeStream(of: Duration.self)
    private let (welcomes, welcomesContinuation) = AsyncStream.makeStream(of: Void.self)

    /// However long a server wants its clients to stay away, they look again by then.
    private static let longestReconnection = Duration.seconds(3600)

    /// Creates a link.
    ///
    /// - Parameters:
    ///   - connection: The fresh connection.
    ///   - payloads: Where fetched payloads go.
    ///   - outbox: Where uploads come from.
    ///   - keeper: Renews the certificate in time.
    ///   - log: Where lines come from that the server asks for; `nil` where the silo lends none.
    ///   - observe: Is told what happens; it must not wait.
    ///   - limits: The patience with the server.
    package init(
        connection: FrameConnection,
        payloads: PayloadStore,
        outbox: Outbox,
        keeper: CredentialKeeper,
        log: LiveLog? = nil,
        observe: @escaping @Sendable (ClientEvent) -> Void,
        limits: ConversationLimits = ConversationLimits()
    ) {
        self.connection = connection
        self.payloads = payloads
        self.outbox = outbox
        self.keeper = keeper
        self.log = log
        self.observe = observe
        self.limits = limits
        self.state = Mutex(State(conversation: ClientConversation(limits: limits, openedAt: .now)))
    }

    // MARK: - Speaking, without waiting

    package func say(_ message: TaskMessage) {
        requestsContinuation.yield(.say(message.message))
    }

    /// Sends an update's payload from `offset` on, beside everything else.
    package func upload(_ update: UnjudgedUpdate, from offset: Int) {
        let chunkBytes = state.withLock { $0.chunkBytes }
        let sender = PayloadSender(store: outbox.payloads, chunkBytes: chunkBytes)
        let upload = Task<Void, Never> { [connection] in
            // A connection that ends here ends in `listen` too, and the update is offered again on the next one.
            _ = try? await sender.send(PayloadDigest(update.adapter.digest), from: UInt64(offset), over: connection)
        }
        state.withLock { $0.uploads.updateValue(upload, forKey: update.order.id) }?.cancel()
    }

    /// Stops sending an update that nobody wants any more.
    package func stopUpload(of id: WorkOrder.ID) {
        state.withLock { $0.uploads.removeValue(forKey: id) }?.cancel()
    }

    // MARK: - The conversation

    /// Whether the server let the client in.
    package var wasWelcomed: Bool { state.withLock { $0.wasWelcomed } }

    /// Holds the conversation until it ends.
    ///
    /// - Parameters:
    ///   - hello: How the client introduces itself.
    ///   - driver: Who is told what the server says.
    /// - Returns: How it ended, or the `TransportError`, `FramingError`, `ProtocolViolation` or `CancellationError` that
    ///   ended it. No upload is under way any more.
    package func run(hello: Tributary_V1_Hello, driver: TaskDriver) async -> Result<Ending, any Error> {
        requestsContinuation.yield(.say(.hello(hello)))
        let result: Result<Ending, any Error>
        do {
            result = .success(try await converse(with: driver))
        } catch {
            result = .failure(error)
        }
        requestsContinuation.finish()
        heartbeatsContinuation.finish()
        welcomesContinuation.finish()
        for upload in state.withLock({ Array($0.uploads.values) }) {
            upload.cancel()
            await upload.value
        }
        if case .failure(let violation as ProtocolViolation) = result {
            await connection.close(saying: violation.goodbye)
        }
        return result
    }

    /// Says that this client leaves of its own will, and closes.
    package func leave() async {
        var goodbye = Tributary_V1_Goodbye()
        goodbye.code = .shuttingDown
        goodbye.reason = "The client is stopped."
        await connection.close(saying: goodbye)
    }

    private func converse(with driver: TaskDriver) async throws -> Ending {
        try await withThrowingTaskGroup(of: Ending?.self) { group in
            group.addTask {
                try await self.speak(driver)
                return nil
            }
            group.addTask {
                try await self.beat()
                return nil
            }
            group.addTask {
                try await self.renew()
                return nil
            }
            group.addTask {
                try await self.watch()
                return nil
            }
            group.addTask(executorPreference: self.payloadExecutor.tasks) { try await self.listen(driver) }
            defer { group.cancelAll() }
            while let ending = try await group.next() {
                if let ending { return ending }
            }
            return .closed
        }
    }

    private func speak(_ driver: TaskDriver) async throws {
        for await request in requests {
            switch request {
            case .say(let message):
                let frame = state.withLock { $0.conversation.send(message) }
                try await connection.send(frame)
            case .fetch(let adapter):
                try await beginDownload(adapter, for: driver)
            }
        }
    }

    /// Says that the client is there, from the welcome on.
    private func beat() async throws {
        var nonce: UInt64 = 0
        for await interval in heartbeats {
            while true {
                try await Task.sleep(for: interval)
                nonce &+= 1
                var ping = Tributary_V1_Ping()
                ping.nonce = nonce
                requestsContinuation.yield(.say(.ping(ping)))
            }
        }
    }

    /// Asks for a new certificate when two thirds of the present one's life are over, and again until there is one.
    private func renew() async throws {
        for await _ in welcomes {
            var isRetry = false
            while true {
                try await Task.sleep(for: keeper.wait(at: .now, isRetry: isRetry))
                isRetry = keeper.isDue(at: .now)
                guard isRetry, !state.withLock({ $0.awaitsRenewal }) else { continue }
                do {
                    var request = Tributary_V1_RenewalRequest()
                    request.certificateRequest = Data(try keeper.request())
                    state.withLock { $0.awaitsRenewal = true }
                    requestsContinuation.yield(.say(.renewalRequest(request)))
                } catch {
                    observe(.hindered(problem: "The certificate cannot be renewed. \(error)"))
                }
            }
        }
    }

    private func received(_ response: Tributary_V1_RenewalResponse) {
        state.withLock { $0.awaitsRenewal = false }
        do {
            guard response.accepted else {
                return observe(.hindered(problem: "The server did not renew the certificate: \(response.reason)"))
            }
            try keeper.accept(
                certificate: [UInt8](response.certificate),
                authorities: response.authorities.map { [UInt8]($0) }
            )
            observe(.renewed(until: keeper.credentials.certificate.notValidAfter))
        } catch {
            observe(.hindered(problem: "The renewed certificate cannot be used. \(error)"))
        }
    }

    /// Throws when the server has been silent, or a transfer has stood still, for too long.
    private func watch() async throws {
        while true {
            let deadline = state.withLock { $0.conversation.deadline }
            try await Task.sleep(until: deadline, clock: .continuous)
            try state.withLock { try $0.conversation.checkDeadline(at: .now, begun: connection.begunChunk) }
        }
    }

    private func listen(_ driver: TaskDriver) async throws -> Ending {
        for try await frame in connection.inbound {
            switch try state.withLock({ try $0.conversation.received(frame, at: .now) }) {
            case .welcome(let welcome):
                state.withLock { state in
                    state.wasWelcomed = true
                    state.chunkBytes = min(state.chunkBytes, Int(welcome.chunkBytes))
                }
                heartbeatsContinuation.yield(.seconds(Int64(welcome.heartbeatSeconds)))
                welcomesContinuation.yield()
                // Whoever names no limit has none.
                let payloadLimit = welcome.payloadBytes > 0 ? welcome.payloadBytes : .max
                await driver.welcomed(as: welcome.client, payloadLimit: payloadLimit, over: self)
            case .order(let order, _):
                await received(order, driver)
            case .orderWithdrawal(let withdrawal):
                guard let id = try? WorkOrder.ID(withdrawal.id) else { continue }
                await driver.withdrawn(id, reason: withdrawal.reason)
            case .uploadRequest(let request, let digest):
                guard let id = try? WorkOrder.ID(request.id) else { continue }
                await driver.uploadRequested(id, digest: ContentDigest(digest), offset: request.offset)
            case .updateVerdict(let verdict):
                guard let id = try? WorkOrder.ID(verdict.id) else { continue }
                await driver.judged(id, verdict.accepted ? .accepted : .rejected(reason: verdict.reason))
            case .evaluationReceipt(let receipt):
                guard let id = try? WorkOrder.ID(receipt.id) else { continue }
                await driver.recorded(id)
            case .renewalResponse(let response):
                received(response)
            case .logRequest(let request):
                answer(request)
            case .chunk(let chunk, let isLast):
                try await received(chunk, isLast: isLast, driver)
            case .fetchDue(let digest):
                guard let adapter = state.withLock({ $0.postponedDownloads.removeValue(forKey: digest) })
                else { continue }
                fetch(adapter)
            case .ping(let nonce):
                var pong = Tributary_V1_Pong()
                pong.nonce = nonce
                requestsContinuation.yield(.say(.pong(pong)))
            case .pong, .ignored:
                continue
            case .goodbye(let goodbye):
                let span = goodbye.reconnectWithinMilliseconds
                return .goodbye(
                    goodbye.code,
                    reason: goodbye.reason,
                    reconnectWithin: span == 0 ? nil : min(.milliseconds(Int64(span)), Self.longestReconnection)
                )
            }
        }
        return .closed
    }

    private func answer(_ request: Tributary_V1_LogRequest) {
        guard let lines = log?.lines(from: request.from) else { return }
        var message = Tributary_V1_LogLines()
        message.first = lines.first
        message.lines = lines.texts
        requestsContinuation.yield(.say(.logLines(message)))
    }

    private func received(_ message: Tributary_V1_Order, _ driver: TaskDriver) async {
        do {
            await driver.received(try WorkOrder(message))
        } catch {
            var reply = Tributary_V1_OrderReply()
            reply.id = message.id
            reply.reason = error.description
            requestsContinuation.yield(.say(.orderReply(reply)))
        }
    }
}
