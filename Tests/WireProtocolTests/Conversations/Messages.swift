import NIOCore

@testable import WireProtocol

/// Well-formed messages for tests to send or to spoil.
enum Messages {
    static let payload = [UInt8](repeating: 5, count: 3 * FrameLimits.smallestInnerChunkBytes)
    static let digest = PayloadDigest(hashing: payload)

    static var hello: Tributary_V1_Hello {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = 1
        hello.software = "test"
        hello.maximumRank = 16
        hello.tags = ["site": "berlin"]
        return hello
    }

    static var welcome: Tributary_V1_Welcome {
        var welcome = Tributary_V1_Welcome()
        welcome.protocolVersion = 1
        welcome.client = "berlin"
        welcome.heartbeatSeconds = 7
        welcome.chunkBytes = UInt32(FrameLimits.defaultChunkBytes)
        welcome.payloadBytes = 1 << 30
        return welcome
    }

    static func id(round: UInt32 = 1, kind: Tributary_V1_OrderID.Kind = .train) -> Tributary_V1_OrderID {
        var id = Tributary_V1_OrderID()
        id.job = "job"
        id.round = round
        id.kind = kind
        return id
    }

    static var adapter: Tributary_V1_AdapterReference {
        var adapter = Tributary_V1_AdapterReference()
        adapter.sha256 = digest.message
        adapter.byteCount = UInt64(payload.count)
        adapter.rank = 8
        adapter.alpha = 16
        return adapter
    }

    static var order: Tributary_V1_Order {
        var order = Tributary_V1_Order()
        order.id = id()
        order.adapter = adapter
        order.assignment.jobName = "sentiment"
        order.assignment.model = "minilm"
        order.assignment.modelSha256 = digest.message
        order.assignment.task = .sequenceClassification
        order.assignment.labels = ["a", "b"]
        order.assignment.rank = 8
        order.assignment.alpha = 16
        order.assignment.targetModules = ["query"]
        order.assignment.training.epochs = 1
        order.assignment.training.batchSize = 16
        order.assignment.training.maxLength = 64
        order.assignment.training.optimizer = .adamw
        order.assignment.training.learningRate = 0.001
        order.assignment.evaluation.every = 1
        return order
    }

    static func reply(to id: Tributary_V1_OrderID) -> Tributary_V1_OrderReply {
        var reply = Tributary_V1_OrderReply()
        reply.id = id
        reply.accepted = true
        return reply
    }

    static var offer: Tributary_V1_UpdateOffer {
        var offer = Tributary_V1_UpdateOffer()
        offer.id = id()
        offer.adapter = adapter
        offer.exampleCount = 10
        offer.metrics = ["loss": 1]
        return offer
    }

    static func verdict(accepted: Bool) -> Tributary_V1_UpdateVerdict {
        var verdict = Tributary_V1_UpdateVerdict()
        verdict.id = id()
        verdict.accepted = accepted
        return verdict
    }

    static func fetch(_ digest: PayloadDigest = digest) -> Tributary_V1_Fetch {
        var fetch = Tributary_V1_Fetch()
        fetch.sha256 = digest.message
        return fetch
    }

    static func ping(_ nonce: UInt64 = 1) -> Tributary_V1_Ping {
        var ping = Tributary_V1_Ping()
        ping.nonce = nonce
        return ping
    }

    static func chunk(_ index: Int) -> Chunk {
        let size = FrameLimits.smallestInnerChunkBytes
        let bytes = ByteBuffer(repeating: 5, count: size)
        return Chunk(digest: digest, offset: UInt64(index * size), bytes: bytes)
    }
}

extension ByteBuffer {
    /// Appends all pieces of a frame.
    mutating func writeFrame(_ frame: Frame, limits: FrameLimits) throws(FramingError) {
        for piece in try frame.serialized(limits: limits) { writeImmutableBuffer(piece) }
    }
}
