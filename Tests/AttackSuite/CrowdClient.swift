import FederationHarness
import NIOCore
import Transport
import WireProtocol

/// A client that takes no memory to speak of: it changes one number of what it is handed, and sends that back.
struct CrowdClient: Sendable {
    let index: Int
    let credentials: ClientCredentials
    /// How often it says that it is there.
    private static let heartbeat = Duration.seconds(8)

    init(index: Int, credentials: ClientCredentials) {
        self.index = index
        self.credentials = credentials
    }

    /// Connects and does what it is ordered to, until the task is cancelled.
    func run(host: String, port: Int, onWelcome: @Sendable () -> Void) async throws {
        do {
            try await FederationDialer.withConnection(
                host: host,
                port: port,
                credentials: credentials,
                logger: .silent
            ) { connection in
                try await connection.send(.hello)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await beat(on: connection) }
                    try await converse(on: connection, onWelcome: onWelcome)
                    group.cancelAll()
                }
            }
        } catch is CancellationError {
            // The way in which it ends.
        }
    }

    private func beat(on connection: FrameConnection) async throws {
        while !Task.isCancelled {
            try await Task.sleep(for: Self.heartbeat)
            var ping = Tributary_V1_Ping()
            ping.nonce = 1
            try await connection.send(.message(.ping(ping)))
        }
    }

    private func converse(on connection: FrameConnection, onWelcome: () -> Void) async throws {
        var order: Tributary_V1_Order?
        var payload: [UInt8] = []
        for try await frame in connection.inbound {
            switch frame {
            case .chunk(let chunk):
                payload += chunk.bytes.readableBytesView
                guard let order, payload.count == Int(order.adapter.byteCount) else { continue }
                // The last number of a safetensors file.
                withUnsafeBytes(of: Float(index).bitPattern.littleEndian) {
                    payload.replaceSubrange(payload.count - 4..<payload.count, with: $0)
                }
                try await connection.send(.message(.updateOffer(offer(of: payload, for: order))))
            case .control(let control):
                switch control.message {
                case .welcome: onWelcome()
                case .order(let new) where new.id.kind == .train:
                    (order, payload) = (new, [])
                    var fetch = Tributary_V1_Fetch()
                    fetch.sha256 = new.adapter.sha256
                    try await connection.send(.message(.fetch(fetch)))
                case .order(let new): try await connection.send(.refusal(of: new.id))
                case .uploadRequest(let request):
                    for frame in Offering.chunks(of: payload, for: request) { try await connection.send(frame) }
                case .updateVerdict(let verdict) where !verdict.accepted:
                    throw AttackFailure("An honest update is rejected: \(verdict.reason)")
                default: break
                }
            }
        }
    }

    private func offer(of payload: [UInt8], for order: Tributary_V1_Order) -> Tributary_V1_UpdateOffer {
        var offer = Tributary_V1_UpdateOffer()
        offer.id = order.id
        offer.adapter = order.adapter
        offer.adapter.sha256 = PayloadDigest(hashing: payload).message
        offer.adapter.byteCount = UInt64(payload.count)
        offer.exampleCount = 1
        return offer
    }
}
