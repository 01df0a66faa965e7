import Adapters
import ClientDaemon
import FederatedLearning
import Foundation
import LinearAlgebra
import NIOCore
import Transport
import WireProtocol

/// A peer with a good certificate that follows no rules: it takes orders, and answers with what its fault says.
final class HostilePeer: @unchecked Sendable {  // Used on the simulation's thread only.
    private let fault: Fault
    private var task: Task<Void, Never>?
    private let federation: SimulatedFederation
    private let process: SimulatedProcess

    init(_ fault: Fault, in federation: SimulatedFederation) {
        self.fault = fault
        self.federation = federation
        self.process = SimulatedProcess(
            name: FederationTemplate.name(of: fault.client),
            number: fault.client + 2
        )
    }

    /// Connects again and again until it is stopped.
    func start() {
        federation.scheduler.perform(as: process) {
            task = Task.detached { [self] in
                while process.isAlive {
                    try? await connect()
                    try? await Task.sleep(for: .seconds(2))
                }
            }
        }
    }

    func stop() {
        process.isAlive = false
        federation.network.abandon(process, silently: false)
        federation.scheduler.perform(as: process) { task?.cancel() }
    }

    private func connect() async throws {
        let credentials = federation.template.memberships[fault.client].credentials
        let end = try await federation.dial(from: fault.client, process, with: credentials)
        try await FrameConnection.lend(over: end.channel, to: end.peer, limits: .federation) { connection in
            var hello = Tributary_V1_Hello()
            hello.protocolVersion = ProtocolVersion.current
            hello.software = "mallory"
            hello.maximumRank = 64
            try await connection.send(.message(.hello(hello)))
            if fault.kind == .rubbish { return try await sendRubbish(over: end.channel) }
            var payload: [UInt8] = []
            for try await frame in connection.inbound {
                guard case .control(let control) = frame else { continue }
                switch control.message {
                case .order(let order) where order.id.kind == .train:
                    payload = try self.payload()
                    try await connection.send(.message(.updateOffer(offer(for: order, payload))))
                case .uploadRequest(let request):
                    try await upload(payload, from: Int(request.offset), named: request.sha256, over: connection)
                case .updateVerdict(let verdict) where verdict.accepted:
                    guard process.isAlive, let order = try? WorkOrder.ID(verdict.id) else { continue }
                    federation.checks.accepted(order, by: process.name, federation.server.store)
                case .goodbye: return
                default: break
                }
            }
        }
    }

    private func sendRubbish(over channel: any Channel) async throws {
        var bytes = ByteBuffer()
        for _ in 0..<200 { bytes.writeInteger(UInt8(federation.draw(below: 256))) }
        try? await channel.writeAndFlush(bytes)
    }

    private func payload() throws -> [UInt8] {
        guard let job = federation.server.jobs.first else { return [0] }
        var adapter = job.initialAdapter()
        for path in adapter.modules.keys {
            guard let module = adapter.modules[path] else { continue }
            switch fault.kind {
            case .notFinite: adapter.modules[path]?.a[0, 0] = fault.amount % 2 == 0 ? .nan : .infinity
            case .wrongShape:
                adapter.modules[path] = LoRAModule(
                    a: Matrix(rows: module.rank, columns: 7, elements: [Float](repeating: 0, count: module.rank * 7)),
                    b: module.b,
                    alpha: module.alpha
                )
            default: break
            }
        }
        return AdapterPayload.bytes(of: adapter)
    }

    private func offer(for order: Tributary_V1_Order, _ payload: [UInt8]) -> Tributary_V1_UpdateOffer {
        var offer = Tributary_V1_UpdateOffer()
        offer.id = order.id
        offer.adapter = order.adapter
        offer.adapter.sha256 = PayloadDigest(hashing: payload).message
        offer.adapter.byteCount = UInt64(payload.count)
        offer.exampleCount = 1
        switch fault.kind {
        case .wrongDigest: offer.adapter.sha256 = PayloadDigest(hashing: [UInt8(fault.amount)]).message
        case .oversize: offer.adapter.byteCount = 1 << 42
        case .lyingCount: offer.exampleCount = 1 << 50
        case .staleOffer: offer.id.round = order.id.round > 1 ? order.id.round - 1 : 9
        case .foreignOffer: offer.id.job = "somebody-elses"
        default: break
        }
        return offer
    }

    private func upload(
        _ payload: [UInt8],
        from offset: Int,
        named digest: Data,
        over connection: FrameConnection
    ) async throws {
        guard let digest = PayloadDigest(bytes: digest), offset < payload.count else { return }
        let bytes = ByteBuffer(bytes: payload[offset...])
        try await connection.send(.chunk(Chunk(digest: digest, offset: UInt64(offset), bytes: bytes)))
    }
}
