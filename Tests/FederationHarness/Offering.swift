package import Adapters
private import NIOCore
package import WireProtocol

/// What a hostile client makes of a training order.
package struct Offering: Sendable {
    /// Turns the payload that was handed out into the one that is offered.
    package var payload: @Sendable (_ handed: [UInt8], _ order: Tributary_V1_Order) throws -> [UInt8]
    /// From where on what was handed out is fetched.
    package var fetchOffset: @Sendable (Tributary_V1_AdapterReference) -> UInt64
    /// Changes what is said of it; everything is true before.
    package var change: @Sendable (inout Tributary_V1_UpdateOffer) -> Void
    /// The frames that answer the request for its bytes.
    package var frames: @Sendable (_ payload: [UInt8], _ request: Tributary_V1_UploadRequest) -> [Frame]

    /// Offers the payload as it was handed out unless something else is said.
    package init(
        payload: @escaping @Sendable (_ handed: [UInt8], _ order: Tributary_V1_Order) throws -> [UInt8] = { handed, _ in
            handed
        },
        fetchOffset: @escaping @Sendable (Tributary_V1_AdapterReference) -> UInt64 = { _ in 0 },
        change: @escaping @Sendable (inout Tributary_V1_UpdateOffer) -> Void = { _ in },
        frames: @escaping @Sendable (_ payload: [UInt8], _ request: Tributary_V1_UploadRequest) -> [Frame] = {
            Offering.chunks(of: $0, for: $1)
        }
    ) {
        self.payload = payload
        self.fetchOffset = fetchOffset
        self.change = change
        self.frames = frames
    }

    /// Offers a payload of the right form whose adapter was changed.
    package init(corrupting corrupt: @escaping @Sendable (LoRAAdapter) -> LoRAAdapter) {
        self.init { handed, order in
            let adapter = try AdapterPayload.adapter(
                from: handed,
                rank: Int(order.adapter.rank),
                alpha: order.adapter.alpha,
                source: "the payload"
            )
            return AdapterPayload.bytes(of: corrupt(adapter))
        }
    }

    /// The honest answer to a request: everything from the offset on, in order.
    package static func chunks(of payload: [UInt8], for request: Tributary_V1_UploadRequest) -> [Frame] {
        guard let digest = PayloadDigest(bytes: request.sha256) else { return [] }
        return stride(from: Int(request.offset), to: payload.count, by: FrameLimits.defaultChunkBytes).map { offset in
            let end = min(payload.count, offset + FrameLimits.defaultChunkBytes)
            return .chunk(
                Chunk(digest: digest, offset: UInt64(offset), bytes: ByteBuffer(bytes: payload[offset..<end]))
            )
        }
    }
}
