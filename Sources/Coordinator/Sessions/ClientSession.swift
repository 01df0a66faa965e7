import Aggregation
import FederatedLearning
import Foundation
import Logging
import Metrics
import Transport
import WireProtocol

/// One client's conversation over one connection.
///
/// The driver (``SessionDriver``) passes in the frames that it receives and writes what ``outgoing`` yields; what may come
/// when is ``ServerConversation``'s to judge. Uploads go to the payload store as they come, and the client is told what
/// became of them only when they are durable and recorded.
actor ClientSession {
    /// A payload that the client asked for.
    struct Fetch: Hashable, Sendable {
        let digest: PayloadDigest
        let offset: UInt64
    }

    /// An update on its way in.
    struct Upload {
        let offered: Offered
        let receiver: PayloadReceiver
        /// How many bytes an earlier connection had left.
        let start: UInt64
    }

    /// An offer whose bytes are wanted.
    struct Offered {
        let digest: PayloadDigest
        let offer: UpdateOffer
        let message: Tributary_V1_UpdateOffer
    }

    /// What has become of an offer while the store or the disk was asked about it.
    enum Consideration {
        case wanted
        case withdrawn(reason: String)
    }

    /// Frames to be written, in order; finished when the session is over.
    nonisolated let outgoing: AsyncStream<Frame>
    /// Payloads to be sent, one after the other; finished when the session is over.
    nonisolated let fetches: AsyncStream<Fetch>
    nonisolated let client: ClientID
    /// Where what the client sends is heard, hashed and written.
    nonisolated let payloadExecutor = PayloadExecutor(label: "session.payloads")

    private let peer: PeerIdentity
    let environment: SessionEnvironment
    let logger: Logger
    let frames: AsyncStream<Frame>.Continuation
    private let requests: AsyncStream<Fetch>.Continuation
    var conversation: ServerConversation
    var uploads: [PayloadDigest: Upload] = [:]
    /// Offers whose bytes are to be asked for as soon as the gate says so, the oldest first.
    var postponed: [Offered] = []
    /// Offers about which the store or the disk is being asked, by their orders: neither in line nor on their way.
    var inConsideration: [WorkOrder.ID: Consideration] = [:]
    var hasUploadPlace = false
    var waitsForUploadPlace = false
    /// What the latest order for a payload was, to tell what its bytes are for.
    private var orderOfPayload: [PayloadDigest: WorkOrder.Kind] = [:]
    /// When the certificate ends that was shown or renewed last.
    private(set) var certificateEnd: ContinuousClock.Instant
    /// The orders to which the silo's policy said no, each noted once.
    private var refusals: Set<WorkOrder.ID> = []
    private var progressReported: ContinuousClock.Instant?
    var lendsLog = false
    /// Who waits for lines of the client's log, in the order in which they were asked for.
    var logReaders: [LogReader] = []
    var isOver = false
    /// The last word, if there is one.
    private(set) var farewell: Tributary_V1_Goodbye?
    private(set) var lastHeard: Date
    /// When the client was told anything last.
    private(set) var lastSaid: ContinuousClock.Instant

    /// More frames than this wait only when the peer does not read.
    private static let outgoingLimit = 4096
    /// How often a client's progress is passed on at most.
    private static let progressInterval = Duration.milliseconds(200)

    init(peer: PeerIdentity, environment: SessionEnvironment) {
        self.peer = peer
        self.client = ClientID(peer.name)
        self.environment = environment
        var logger = environment.logger
        logger[metadataKey: "client.id"] = "\(peer.name)"
        logger[metadataKey: "peer.address"] = "\(peer.address)"
        self.logger = logger
        self.conversation = ServerConversation(limits: environment.limits, openedAt: environment.now())
        self.lastHeard = environment.date()
        self.lastSaid = environment.now()
        self.certificateEnd = environment.instant(of: peer.notValidAfter)
        (self.outgoing, self.frames) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.outgoingLimit))
        (self.fetches, self.requests) = AsyncStream.makeStream()
    }

    // MARK: - Receiving

    /// Takes the next frame.
    ///
    /// - Returns: Whether the session goes on.
    func received(_ frame: Frame) async -> Bool {
        guard !isOver else { return false }
        lastHeard = environment.date()
        do {
            try await act(on: conversation.received(frame, at: environment.now()))
        } catch {
            fail(error)
        }
        return !isOver
    }

    /// Ends the session because of what the client sent, or because the server could not do its part.
    func fail(_ error: any Error) {
        switch error {
        case let violation as ProtocolViolation:
            logger.info("Protocol violation", metadata: ["reason": "\(violation)"])
            end(violation.goodbye)
        case is CancellationError:
            close()
        case let error as PayloadError where error.isOfSender:
            logger.info("Upload refused", metadata: ["reason": "\(error)"])
            end(Tributary_V1_Goodbye(.protocolError, "\(error)"))
        default:
            logger.error("Session failed", metadata: ["error": "\(error)"])
            environment.storageFailed(error)
            end(Tributary_V1_Goodbye(.unspecified, "The server could not do what it was asked. Try again later."))
        }
    }

    /// The frames that the client has reason to send now.
    var expectedFrames: FrameLimits { conversation.expectedFrames }

    private func act(on event: ServerConversation.Event) async throws {
        switch event {
        case .hello(let hello):
            try await welcome(hello)
        case .orderReply(let reply):
            guard !reply.accepted, let order = WorkOrder.ID(reply.id) else { return }
            if reply.refusedByPolicy { try await note(reply.reason, on: order) }
            await environment.registry.report(.failed(client, order, reason: reply.reason), from: self)
        case .progress(let progress):
            await pass(progress)
        case .fetch(let digest, let offset):
            requests.yield(Fetch(digest: digest, offset: offset))
        case .updateOffer(let message, let digest):
            try await consider(message, digest: digest)
        case .chunk(let chunk, let isLast):
            try await store(chunk, isLast: isLast)
        case .evaluationResult(let message):
            try await take(message)
        case .renewalRequest(let request):
            await renew(request)
        case .logLines(let message):
            handOut(ClientLog(message))
        case .ping(let nonce):
            var pong = Tributary_V1_Pong()
            pong.nonce = nonce
            send(.pong(pong))
        case .goodbye:
            close()
        case .pong, .ignored:
            break
        }
    }

    /// Lets the client in, when its certificate is admitted.
    private func welcome(_ hello: Tributary_V1_Hello) async throws {
        guard try await isAdmitted() else { return }
        var welcome = Tributary_V1_Welcome()
        welcome.protocolVersion = ProtocolVersion.current
        welcome.software = Software.description
        welcome.client = peer.name
        welcome.heartbeatSeconds = UInt32(clamping: environment.limits.heartbeat.components.seconds)
        welcome.chunkBytes = UInt32(clamping: FrameLimits.defaultChunkBytes)
        welcome.payloadBytes = environment.limits.payloadBytes
        // Orders follow as soon as the registry knows the session, so Welcome goes first.
        send(.welcome(welcome))
        lendsLog = hello.lendsLog
        let profile = ClientProfile(id: client, maximumRank: Int(hello.maximumRank), tags: hello.tags)
        guard await environment.registry.enter(self, as: profile) else {
            end(.shuttingDown)
            return
        }
        logger.info("Client connected", metadata: ["client.rank": "\(profile.maximumRank)"])
        // Whoever was revoked since the first look was not yet among those whom `expel` finds.
        guard try await isAdmitted() else { return }
        try await environment.clients.arrived(profile, software: hello.software, at: lastHeard)
    }

    private func isAdmitted() async throws -> Bool {
        let fingerprint = ContentDigest(peer.fingerprint)
        let reason: String
        switch try await environment.clients.admission(of: peer.name, fingerprint: fingerprint) {
        case .admitted: return true
        case .revoked: reason = "The certificate of '\(peer.name)' was revoked. Ask for a new join string."
        case .unknown: reason = "The certificate is not in this server's records. Ask for a new join string."
        }
        logger.info("Client refused", metadata: ["reason": "\(reason)"])
        environment.metrics.refusedConnections.increment()
        end(Tributary_V1_Goodbye(.revoked, reason))
        return false
    }

    /// Puts on record that a silo's own policy said no.
    private func note(_ reason: String, on order: WorkOrder.ID) async throws {
        guard refusals.insert(order).inserted else { return }
        let reason = PeerText.sentence(reason)
        logger.notice("A silo's policy refuses an order", metadata: ["job.id": "\(order.job)", "reason": "\(reason)"])
        try await environment.audit.record(
            .orderRefused,
            client.rawValue,
            "\(order.kind.rawValue), round \(order.round) of job \(order.job): \(reason)",
            at: environment.date()
        )
    }

    /// Certifies the client's new key; the session then lasts as long as the new certificate.
    private func renew(_ request: Tributary_V1_RenewalRequest) async {
        var response = Tributary_V1_RenewalResponse()
        switch await environment.renew(peer, [UInt8](request.certificateRequest)) {
        case .accepted(let certificate, let authorities):
            response.accepted = true
            response.certificate = Data(certificate.bytes)
            response.authorities = authorities.map { Data($0.bytes) }
            certificateEnd = max(certificateEnd, environment.instant(of: certificate.notValidAfter))
        case .rejected(let reason):
            response.reason = reason
        }
        send(.renewalResponse(response))
    }

    private func pass(_ progress: Tributary_V1_Progress) async {
        let now = environment.now()
        let isLast = progress.step >= progress.stepCount
        if let last = progressReported, !isLast, now - last < Self.progressInterval { return }
        guard let order = WorkOrder.ID(progress.id) else { return }
        progressReported = now
        await environment.registry.report(.progressed(client, order, TrainingProgress(progress)), from: self)
    }

    // MARK: - Evaluations

    private func take(_ message: Tributary_V1_EvaluationResult) async throws {
        guard let order = WorkOrder.ID(message.id), order.kind == .evaluate, let report = EvaluationReport(message)
        else {
            throw ProtocolViolation.malformed(message: "EvaluationResult", field: "id", reason: "is out of range")
        }
        if try await environment.runs.awaitsEvaluation(order) {
            await environment.registry.report(.evaluated(client, order, report), from: self)
        } else {
            confirm(order)
        }
    }

    // MARK: - What a run asks for

    func push(_ order: WorkOrder) {
        orderOfPayload[PayloadDigest(order.adapter.digest)] = order.id.kind
        send(.order(order.message))
    }

    func withdraw(_ order: WorkOrder.ID, reason: String) {
        // A client in the middle of an upload stops when it hears the verdict.
        if order.kind == .train, takeBack(order, reason: reason) { return }
        var withdrawal = Tributary_V1_OrderWithdrawal()
        withdrawal.id = order.message
        withdrawal.reason = reason
        send(.orderWithdrawal(withdrawal))
    }

    func answer(_ order: WorkOrder.ID, with verdict: UpdateVerdict) {
        var message = Tributary_V1_UpdateVerdict()
        message.id = order.message
        switch verdict {
        case .accepted:
            message.accepted = true
        case .rejected(let reason):
            message.reason = reason
        }
        send(.updateVerdict(message))
    }

    func confirm(_ evaluation: WorkOrder.ID) {
        var receipt = Tributary_V1_EvaluationReceipt()
        receipt.id = evaluation.message
        send(.evaluationReceipt(receipt))
    }

    // MARK: - Sending payloads

    /// Says whether the client may have what it asks for and is to be sent it.
    ///
    /// - Throws: `ProtocolViolation` when nothing of the payload is left from the offset on.
    func begins(_ fetch: Fetch) async throws -> Bool {
        if try await environment.runs.isFetchable(fetch.digest, by: client), environment.payloads.contains(fetch.digest)
        {
            let byteCount = UInt64(try environment.payloads.byteCount(of: fetch.digest))
            guard fetch.offset < byteCount else {
                throw ProtocolViolation.offsetBeyondEnd(offset: fetch.offset, byteCount: byteCount)
            }
            return true
        }
        // An order may have been withdrawn while the request was on its way: no reason to part.
        logger.info("Payload not sent", metadata: ["payload": "\(fetch.digest)"])
        ends(fetch)
        return false
    }

    func sent(_ byteCount: Int, of fetch: Fetch) async {
        let kind = orderOfPayload[fetch.digest] ?? .train
        await environment.registry.moved(client, kind, down: byteCount)
    }

    func ends(_ fetch: Fetch) {
        conversation.fetchEnded(fetch.digest)
    }

    // MARK: - The end

    /// What to say when the server stops.
    var shutdownNotice: Tributary_V1_Goodbye {
        get async { .shuttingDown(clients: await environment.registry.largestCount) }
    }

    /// Ends the session with a last word.
    func end(_ goodbye: Tributary_V1_Goodbye) {
        guard !isOver else { return }
        _ = conversation.send(.goodbye(goodbye))
        farewell = goodbye
        close()
    }

    /// Ends the session; what is in line still goes out.
    ///
    /// What came of an upload stays, and the next connection goes on there.
    func close() {
        isOver = true
        sendLogReadersAway()
        frames.finish()
        requests.finish()
        uploads = [:]
        postponed = []
        inConsideration = [:]
        returnUploadPlace()
    }

    func send(_ message: Tributary_V1_Control.OneOf_Message) {
        guard !isOver else { return }
        lastSaid = environment.now()
        guard case .dropped = frames.yield(conversation.send(message)) else { return }
        logger.info("Client does not read")
        close()
    }
}

extension PayloadError {
    /// Whether what was sent is at fault, and not the disk.
    fileprivate var isOfSender: Bool {
        switch self {
        case .wrongDigest, .tooLarge, .empty, .outOfOrder, .beyondEnd, .incomplete, .superseded: true
        case .missing, .beyondStored, .invalidSender, .file: false
        }
    }
}
