/// The client's end of a conversation with its server: what may come, and what it means.
///
/// The counterpart of ``ServerConversation``, driven in the same way.
///
/// ```
/// opening ──Hello──▶ awaiting Welcome ──Welcome──▶ established ──Goodbye──▶ ended
/// ```
package struct ClientConversation: Sendable {
    private enum State: String {
        /// Hello has not been sent. Can become `awaitingWelcome`.
        case opening = "Hello is due"
        /// Can become `established`, or `ended` when the server does not want us.
        case awaitingWelcome = "Welcome is awaited"
        case established = "the conversation is established"
        /// One side has said Goodbye.
        case ended = "the conversation is over"
    }

    /// What a frame from the server means.
    package enum Event: Sendable, Equatable {
        /// The client is in.
        case welcome(Tributary_V1_Welcome)
        /// Work, to be answered with one OrderReply.
        case order(Tributary_V1_Order, digest: PayloadDigest)
        case orderWithdrawal(Tributary_V1_OrderWithdrawal)
        /// The server wants chunks of the update that was offered for this order, from an offset to its end.
        case uploadRequest(Tributary_V1_UploadRequest, digest: PayloadDigest)
        case updateVerdict(Tributary_V1_UpdateVerdict)
        case evaluationReceipt(Tributary_V1_EvaluationReceipt)
        /// The answer to our RenewalRequest.
        case renewalResponse(Tributary_V1_RenewalResponse)
        /// The server wants lines of the log that this client lends. Answer with one LogLines.
        case logRequest(Tributary_V1_LogRequest)
        /// The next piece of a fetched payload.
        case chunk(Chunk, isLast: Bool)
        /// The rest of a payload that was no longer wanted has come, and it is wanted again: now it can be fetched.
        case fetchDue(PayloadDigest)
        /// A piece of a payload that is no longer wanted, or a message after our own Goodbye.
        case ignored
        /// Answer with a Pong of the same nonce.
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        /// The server is about to close.
        case goodbye(Tributary_V1_Goodbye)
    }

    private struct Offer: Sendable {
        let digest: [UInt8]
        let byteCount: UInt64
    }

    private var state = State.opening
    private var watch: Watch
    private var fetches = TransferTable(comesInTurn: true)
    private var offers: [OrderKey: Offer] = [:]
    private var results: Set<OrderKey> = []
    private var pingsSent = 0
    private var awaitsRenewal = false
    private var lendsLog = false
    private var saidGoodbye = false

    package init(limits: ConversationLimits, openedAt now: ContinuousClock.Instant) {
        self.watch = Watch(limits: limits, openedAt: now)
    }

    /// Whether the server has let the client in.
    package var isEstablished: Bool { state == .established }

    // MARK: - Receiving

    /// Judges a frame and says what it means.
    ///
    /// - Throws: ``ProtocolViolation`` when the server may not send it now; the conversation is over then.
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
        return switch try fetches.accept(chunk, at: now) {
        case .wanted(let isLast): .chunk(chunk, isLast: isLast)
        case .unwanted(let isDue): isDue ? .fetchDue(chunk.digest) : .ignored
        }
    }

    private mutating func received(
        _ message: Tributary_V1_Control.OneOf_Message
    ) throws(ProtocolViolation) -> Event {
        let check = MessageChecks(message: message.name)
        switch (state, message) {
        case (.awaitingWelcome, .welcome(let welcome)):
            return .welcome(try checked(welcome, check))
        case (.established, .order(let order)):
            return .order(order, digest: try checked(order, check))
        case (.established, .orderWithdrawal(let withdrawal)):
            try check.order(withdrawal.id, isPresent: withdrawal.hasID)
            try check.reason(withdrawal.reason)
            return .orderWithdrawal(withdrawal)
        case (.established, .uploadRequest(let request)):
            return .uploadRequest(request, digest: try checked(request, check))
        case (.established, .updateVerdict(let verdict)):
            try check.order(verdict.id, isPresent: verdict.hasID)
            try check.reason(verdict.reason)
            guard offers.removeValue(forKey: OrderKey(verdict.id)) != nil else {
                throw .unexpectedReply(message: message.name)
            }
            return .updateVerdict(verdict)
        case (.established, .evaluationReceipt(let receipt)):
            try check.order(receipt.id, isPresent: receipt.hasID)
            guard results.remove(OrderKey(receipt.id)) != nil else { throw .unexpectedReply(message: message.name) }
            return .evaluationReceipt(receipt)
        case (.established, .renewalResponse(let response)):
            guard awaitsRenewal else { throw .unexpectedReply(message: message.name) }
            try check.renewal(response)
            awaitsRenewal = false
            return .renewalResponse(response)
        case (.established, .logRequest(let request)) where lendsLog:
            return .logRequest(request)
        case (.established, .ping(let ping)):
            return .ping(nonce: ping.nonce)
        case (.established, .pong(let pong)):
            guard pingsSent > 0 else { throw .unexpectedReply(message: message.name) }
            pingsSent -= 1
            return .pong(nonce: pong.nonce)
        case (.awaitingWelcome, .goodbye(let goodbye)), (.established, .goodbye(let goodbye)):
            try check.reason(goodbye.reason)
            state = .ended
            return .goodbye(goodbye)
        default:
            throw .outOfTurn(message: message.name, state: state.rawValue)
        }
    }

    private mutating func checked(
        _ welcome: Tributary_V1_Welcome,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> Tributary_V1_Welcome {
        guard welcome.protocolVersion == ProtocolVersion.current else {
            throw .unsupportedVersion(welcome.protocolVersion)
        }
        try check.text(welcome.software, "software")
        guard ClientName.isValid(welcome.client) else { throw check.fail("client", "is not a client's name") }
        guard (1...3600).contains(welcome.heartbeatSeconds) else {
            throw check.fail("heartbeat_seconds", "is not in 1...3600")
        }
        let chunkBytes = UInt32(FrameLimits.smallestInnerChunkBytes)...UInt32(FrameLimits.federation.chunkBytes)
        guard chunkBytes.contains(welcome.chunkBytes) else {
            throw check.fail("chunk_bytes", "is not in \(chunkBytes)")
        }
        watch.limits.heartbeat = .seconds(Int64(welcome.heartbeatSeconds))
        state = .established
        return welcome
    }

    private func checked(
        _ order: Tributary_V1_Order,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> PayloadDigest {
        try check.order(order.id, isPresent: order.hasID)
        guard order.hasAssignment else { throw check.fail("assignment", "is missing") }
        try check.assignment(order.assignment)
        return try check.adapter(
            order.adapter,
            isPresent: order.hasAdapter,
            payloadLimit: watch.limits.payloadBytes
        )
    }

    private func checked(
        _ request: Tributary_V1_UploadRequest,
        _ check: MessageChecks
    ) throws(ProtocolViolation) -> PayloadDigest {
        try check.order(request.id, isPresent: request.hasID)
        let digest = try check.digest(request.sha256, "sha256")
        guard let offer = offers[OrderKey(request.id)], offer.digest == digest.bytes else {
            throw .unexpectedReply(message: check.message)
        }
        guard request.offset < offer.byteCount else {
            throw .offsetBeyondEnd(offset: request.offset, byteCount: offer.byteCount)
        }
        return digest
    }

    // MARK: - Sending

    /// Records that `message` is about to be sent, and returns its frame.
    ///
    /// A Fetch is made by ``fetch(_:byteCount:from:at:)`` instead, which also expects the bytes.
    package mutating func send(_ message: Tributary_V1_Control.OneOf_Message) -> Frame {
        switch message {
        case .hello(let hello) where state == .opening:
            state = .awaitingWelcome
            lendsLog = hello.lendsLog
        case .updateOffer(let offer):
            offers[OrderKey(offer.id)] = Offer(
                digest: [UInt8](offer.adapter.sha256),
                byteCount: offer.adapter.byteCount
            )
        case .evaluationResult(let result):
            results.insert(OrderKey(result.id))
        case .renewalRequest:
            awaitsRenewal = true
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

    /// Wants a payload again that was abandoned, if the server may still be sending it.
    ///
    /// A Fetch would be out of turn then, and what is on its way could not be told from what it brings.
    ///
    /// - Returns: Whether that is so: ``Event/fetchDue(_:)`` says when to ask for it.
    package mutating func wantAgain(_ digest: PayloadDigest) -> Bool { fetches.wantAgain(digest) }

    /// Asks for a payload from `offset` on, and expects its bytes.
    ///
    /// - Parameters:
    ///   - digest: Names the payload.
    ///   - byteCount: Its whole length, as the order says.
    ///   - offset: How many bytes of it are here already; less than `byteCount`.
    ///   - now: When the wait for the first chunk begins.
    /// - Returns: The Fetch.
    /// - Throws: ``ProtocolViolation/offsetBeyondEnd(offset:byteCount:)`` when nothing is missing.
    package mutating func fetch(
        _ digest: PayloadDigest,
        byteCount: UInt64,
        from offset: UInt64,
        at now: ContinuousClock.Instant
    ) throws(ProtocolViolation) -> Frame {
        fetches.begin(try IncomingTransfer(digest: digest, byteCount: byteCount, from: offset), at: now)
        var fetch = Tributary_V1_Fetch()
        fetch.sha256 = digest.message
        fetch.offset = offset
        return .message(.fetch(fetch))
    }

    /// Stops wanting a payload that was asked for; what still comes of it is ignored.
    package mutating func abandonFetch(_ digest: PayloadDigest) {
        fetches.abandon(digest)
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
        if let begun, fetches.accept(begun, slowest: watch.limits.slowestTransfer, at: now) { watch.heardPart(at: now) }
        if now >= patience.instant { throw .expired(patience.expiry) }
    }

    private var patience: (instant: ContinuousClock.Instant, expiry: ProtocolViolation.Expiry) {
        watch.deadline(isGreeted: state == .established, oldestMovement: fetches.oldestMovement)
    }
}
