/// The server's end of a conversation with one client: what may come, and what it means.
///
/// A value without I/O. The driver passes in every frame that it receives and every message that it sends, with the time,
/// and acts on the events that come out; when ``received(_:at:)`` throws it says ``ProtocolViolation/goodbye`` and closes.
///
/// ```
/// awaiting Hello ──Hello──▶ greeting ──Welcome──▶ established ──Goodbye──▶ ended
/// ```
package struct ServerConversation: Sendable {
    private enum State: String {
        /// The connection is new. Can become `greeting`.
        case awaitingHello = "Hello is awaited"
        /// Hello came and Welcome has not been sent. Can become `established`.
        case greeting = "Welcome is due"
        case established = "the conversation is established"
        /// One side has said Goodbye.
        case ended = "the conversation is over"
    }

    /// What a frame from the client means.
    package enum Event: Sendable, Equatable {
        /// The client introduced itself and waits for Welcome.
        case hello(Tributary_V1_Hello)
        case orderReply(Tributary_V1_OrderReply)
        case progress(Tributary_V1_Progress)
        /// The client wants chunks of a payload, from an offset to its end. Say ``fetchEnded(_:)`` when they are sent.
        case fetch(PayloadDigest, offset: UInt64)
        case updateOffer(Tributary_V1_UpdateOffer, digest: PayloadDigest)
        case evaluationResult(Tributary_V1_EvaluationResult)
        /// The client wants a certificate for a new key. Answer with one RenewalResponse.
        case renewalRequest(Tributary_V1_RenewalRequest)
        /// The answer to a LogRequest.
        case logLines(Tributary_V1_LogLines)
        /// The next piece of an upload.
        case chunk(Chunk, isLast: Bool)
        /// A piece of an upload that was called off, or a message after our own Goodbye.
        case ignored
        /// Answer with a Pong of the same nonce.
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        /// The client is about to close.
        case goodbye(Tributary_V1_Goodbye)
    }

    private var state = State.awaitingHello
    private var watch: Watch
    private var uploads = TransferTable()
    private var uploadOfOrder: [OrderKey: PayloadDigest] = [:]
    private var fetches: Set<PayloadDigest> = []
    /// How many replies each order still gets: one for every time it was sent.
    private var repliesDue: [OrderKey: Int] = [:]
    /// The orders that were sent and have no result: a client that took one may still give it up with a refusal.
    private var openOrders: Set<OrderKey> = []
    private var pingsSent = 0
    private var owesRenewal = false
    private var logRequestsSent = 0
    private var saidGoodbye = false

    package init(limits: ConversationLimits, openedAt now: ContinuousClock.Instant) {
        self.watch = Watch(limits: limits, openedAt: now)
    }

    /// Whether the client is in.
    package var isEstablished: Bool { state == .established }

    /// The frames that the client has reason to send now: chunks only while an upload that was asked for has not ended.
    package var expectedFrames: FrameLimits { uploads.isEmpty ? .quietClient : .uploadingClient }

    // MARK: - Receiving

    /// Judges a frame and says what it means.
    ///
    /// - Throws: ``ProtocolViolation`` when the client may not send it now; the conversation is over then.
    package mutating func received(
        _ frame: Frame,
        at now: ContinuousClock.Instant
    ) throws(ProtocolViolation) -> Event {
        if saidGoodbye { return .ignored }
        try watch.heard(frame, at: now)
        switch frame {
        case .chunk(let chunk): return try received(chunk, at: now)
        case .control(let control):
            guard let message = control.message else { throw .unknownMessage }
            return try received(message)
        }
    }

    private mutating func received(
        _ chunk: Chunk,
        at now: ContinuousClock.Instant
    ) throws(ProtocolViolation) -> Event {
        guard state == .established else { throw .outOfTurn(message: "A chunk", state: state.rawValue) }
        return switch try uploads.accept(chunk, at: now) {
        case .wanted(let isLast): .chunk(chunk, isLast: isLast)
        case .unwanted: .ignored
        }
    }

    private mutating func received(
        _ message: Tributary_V1_Control.OneOf_Message
    ) throws(ProtocolViolation) -> Event {
        let check = MessageChecks(message: message.name)
        switch (state, message) {
        case (.awaitingHello, .hello(let hello)):
            guard hello.protocolVersion == ProtocolVersion.current else {
                throw .unsupportedVersion(hello.protocolVersion)
            }
            try check.text(hello.software, "software")
            try check.rank(hello.maximumRank, "maximum_rank")
            try check.tags(hello.tags)
            state = .greeting
            return .hello(hello)
        case (.established, .orderReply(let reply)):
            return .orderReply(try checked(reply, check))
        case (.established, .progress(let progress)):
            try check.order(progress.id, isPresent: progress.hasID)
            return .progress(progress)
        case (.established, .fetch(let fetch)):
            return try received(fetch, check)
        case (.established, .updateOffer(let offer)):
            return try received(offer, check)
        case (.established, .evaluationResult(let result)):
            try check.order(result.id, isPresent: result.hasID)
            try check.metrics(result.metrics)
            return .evaluationResult(result)
        case (.established, .renewalRequest(let request)):
            guard !owesRenewal else { throw .outOfTurn(message: message.name, state: "one is being answered") }
            try check.certificateRequest(request.certificateRequest)
            owesRenewal = true
            return .renewalRequest(request)
        case (.established, .logLines(let lines)):
            guard logRequestsSent > 0 else { throw .unexpectedReply(message: message.name) }
            try check.log(lines)
            logRequestsSent -= 1
            return .logLines(lines)
        case (.established, .ping(let ping)):
            return .ping(nonce: ping.nonce)
        case (.established, .pong(let pong)):
            guard pingsSent > 0 else { throw .unexpectedReply(message: message.name) }
            pingsSent -= 1
            return .pong(nonce: pong.nonce)
        case (.awaitingHello, .goodbye(let goodbye)), (.greeting, .goodbye(let goodbye)),
            (.established, .goodbye(let goodbye)):
            try check.reason(goodbye.reason)
            state = .ended
            return .goodbye(goodbye)
        default:
            throw .outOfTurn(message: message.name, state: state.rawValue)
        }
    }

    private mutating func checked(
        _ reply: Tributary_V1_OrderReply,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> Tributary_V1_OrderReply {
        try check.order(reply.id, isPresent: reply.hasID)
        try check.reason(reply.reason)
        let key = OrderKey(reply.id)
        if let due = repliesDue[key] {
            repliesDue[key] = due > 1 ? due - 1 : nil
        } else if reply.accepted || !openOrders.contains(key) {
            throw .unexpectedReply(message: check.message)
        }
        return reply
    }

    private mutating func received(
        _ fetch: Tributary_V1_Fetch,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> Event {
        let digest = try check.digest(fetch.sha256, "sha256")
        guard !fetches.contains(digest) else {
            throw .outOfTurn(message: check.message, state: "that payload is already being sent")
        }
        guard fetches.count < watch.limits.concurrentFetches else {
            throw .tooManyFetches(limit: watch.limits.concurrentFetches)
        }
        fetches.insert(digest)
        return .fetch(digest, offset: fetch.offset)
    }

    private mutating func received(
        _ offer: Tributary_V1_UpdateOffer,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> Event {
        try check.order(offer.id, isPresent: offer.hasID)
        guard offer.id.kind == .train else { throw check.fail("id.kind", "is not KIND_TRAIN") }
        let digest = try check.adapter(
            offer.adapter,
            isPresent: offer.hasAdapter,
            payloadLimit: watch.limits.payloadBytes
        )
        guard offer.exampleCount > 0 else { throw check.fail("example_count", "is zero") }
        try check.metrics(offer.metrics)
        guard uploadOfOrder[OrderKey(offer.id)] == nil else {
            throw .outOfTurn(message: check.message, state: "the same order's update is being uploaded")
        }
        // A client offers again only after it has stopped sending, so no chunk of an abandoned upload can follow.
        uploads.forgetAbandoned(digest)
        return .updateOffer(offer, digest: digest)
    }

    // MARK: - Sending

    /// Records that `message` is about to be sent, and returns its frame.
    ///
    /// An UploadRequest is made by ``requestUpload(of:from:at:)`` instead, which also expects the bytes.
    package mutating func send(_ message: Tributary_V1_Control.OneOf_Message) -> Frame {
        switch message {
        case .welcome where state == .greeting:
            state = .established
        case .order(let order):
            repliesDue[OrderKey(order.id), default: 0] += 1
            openOrders.insert(OrderKey(order.id))
        case .evaluationReceipt(let receipt):
            openOrders.remove(OrderKey(receipt.id))
        case .updateVerdict(let verdict):
            openOrders.remove(OrderKey(verdict.id))
            if let digest = uploadOfOrder.removeValue(forKey: OrderKey(verdict.id)) { uploads.abandon(digest) }
        case .renewalResponse:
            owesRenewal = false
        case .logRequest:
            logRequestsSent += 1
        case .ping:
            pingsSent += 1
        case .goodbye:
            saidGoodbye = true
            state = .ended
        default:
            break
        }
        return .message(message)
    }

    /// Records that an offered update's bytes will be asked for later; until then the same offer is not taken again.
    package mutating func postponeUpload(of offer: Tributary_V1_UpdateOffer, digest: PayloadDigest) {
        uploadOfOrder[OrderKey(offer.id)] = digest
    }

    /// Asks for an offered update's bytes from `offset` on, and expects them.
    ///
    /// - Parameters:
    ///   - offer: What the client offered.
    ///   - offset: How many bytes of it are here already; less than its length.
    ///   - now: When the wait for the first chunk begins.
    /// - Returns: The UploadRequest.
    /// - Throws: ``ProtocolViolation`` when `offset` is not inside the payload, or the offer was never well-formed.
    package mutating func requestUpload(
        of offer: Tributary_V1_UpdateOffer,
        from offset: UInt64,
        at now: ContinuousClock.Instant
    ) throws(ProtocolViolation) -> Frame {
        let digest = try MessageChecks(message: "UpdateOffer").digest(offer.adapter.sha256, "adapter.sha256")
        let transfer = try IncomingTransfer(digest: digest, byteCount: offer.adapter.byteCount, from: offset)
        uploads.begin(transfer, at: now)
        uploadOfOrder[OrderKey(offer.id)] = digest
        var request = Tributary_V1_UploadRequest()
        request.id = offer.id
        request.sha256 = offer.adapter.sha256
        request.offset = offset
        return .message(.uploadRequest(request))
    }

    /// Records that the last chunk of a fetched payload has been sent.
    package mutating func fetchEnded(_ digest: PayloadDigest) {
        fetches.remove(digest)
    }

    // MARK: - Waiting

    /// When patience ends unless something comes before.
    package var deadline: ContinuousClock.Instant { patience.instant }

    /// Throws when the deadline has passed.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - begun: How far the chunk is that is coming in. What has come of it since it was looked at last puts the deadline off.
    /// - Throws: ``ProtocolViolation/expired(_:)``.
    package mutating func checkDeadline(
        at now: ContinuousClock.Instant,
        begun: BegunChunk? = nil
    ) throws(ProtocolViolation) {
        if let begun, uploads.accept(begun, slowest: watch.limits.slowestTransfer, at: now) { watch.heardPart(at: now) }
        if now >= patience.instant { throw .expired(patience.expiry) }
    }

    private var patience: (instant: ContinuousClock.Instant, expiry: ProtocolViolation.Expiry) {
        watch.deadline(isGreeted: state == .established, oldestMovement: uploads.oldestMovement)
    }
}
