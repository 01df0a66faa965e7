import Aggregation
import FederatedLearning
import NIOCore
import Transport
import WireProtocol

@testable import Coordinator

/// Clients in memory that send real updates through the store's own way in: partial files, hashed, forced to disk, renamed.
actor UploadingCohort: CohortBackend {
    private struct Piece: Hashable {
        let client: ClientID
        let order: WorkOrder.ID
    }

    /// As many bytes as a chunk has here, so that an update takes several.
    private static let chunkBytes = 700

    private let store: CoordinatorStore
    private let works: [ClientID: ClientWork]
    private let log: AcknowledgementLog
    private let stream: AsyncStream<CohortEvent>
    private let continuation: AsyncStream<CohortEvent>.Continuation
    /// What clients have been told is accepted, and have forgotten.
    private var forgotten: Set<Piece>
    private var tasks: [Task<Void, Never>] = []
    /// What went otherwise than between an honest server and its clients.
    private(set) var complaints: [String] = []

    /// Makes a cohort of clients who remember what was acknowledged before.
    init(_ works: [ClientWork], store: CoordinatorStore, log: AcknowledgementLog, acknowledged: [Acknowledgement]) {
        self.store = store
        self.works = Dictionary(uniqueKeysWithValues: works.map { ($0.client, $0) })
        self.log = log
        self.forgotten = Set(
            acknowledged.compactMap { entry in
                guard case .accepted(let offer) = entry else { return nil }
                return Piece(client: offer.client, order: offer.order)
            }
        )
        (self.stream, self.continuation) = AsyncStream.makeStream()
    }

    /// Waits until nothing is being done for any order.
    func settle() async {
        while let task = tasks.popLast() { await task.value }
    }

    // MARK: - CohortBackend

    func presentClients() -> [ClientProfile] {
        works.values.map { ClientProfile(id: $0.client, maximumRank: $0.maximumRank) }
    }

    func events() -> AsyncStream<CohortEvent> { stream }

    func send(_ order: WorkOrder, to client: ClientID) {
        guard let work = works[client] else { return }
        if forgotten.contains(Piece(client: client, order: order.id)) {
            complaints.append("'\(client)' is asked again for round \(order.id.round), which was acknowledged")
        }
        // Each on its own, so that uploads and what the run records come in between each other.
        tasks.append(
            Task {
                do {
                    continuation.yield(try await perform(order, work))
                } catch {
                    complaints.append("'\(client)' cannot do round \(order.id.round): \(error)")
                    continuation.yield(.failed(client, order.id, reason: "\(error)"))
                }
            }
        )
    }

    private func perform(_ order: WorkOrder, _ work: ClientWork) async throws -> CohortEvent {
        let adapter = try await store.runs.adapter(order.adapter)
        guard order.id.kind == .train else {
            return .evaluated(work.client, order.id, try await work.evaluate(adapter, for: order))
        }
        let update = try await work.train(adapter, for: order)
        do {
            try await upload(update)
        } catch PayloadError.wrongDigest {
            // The crash had left a beginning of other bytes, which is gone now. The client connects again and sends it all.
            try await upload(update)
        }
        return .offered(update.offer)
    }

    private func upload(_ update: FinishedUpdate) async throws {
        let digest = PayloadDigest(update.offer.adapter.digest)
        guard !store.payloads.store.contains(digest) else { return }
        let receiver = try await store.payloads.store.beginReceiving(
            digest,
            byteCount: UInt64(update.payload.count),
            from: update.offer.client.rawValue,
            maximum: 1 << 20
        )
        var offset = Int(await receiver.offset)
        while offset < update.payload.count {
            let chunk = update.payload[offset..<min(offset + Self.chunkBytes, update.payload.count)]
            try await receiver.append(ByteBuffer(bytes: chunk), at: UInt64(offset))
            offset += chunk.count
        }
        try await receiver.finish()
    }

    func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) {}

    func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) {
        switch verdict {
        case .accepted:
            forgotten.insert(Piece(client: offer.client, order: offer.order))
            log.append(.accepted(offer))
        case .rejected(let reason):
            complaints.append("an update of '\(offer.client)' is rejected: \(reason)")
        }
    }

    func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) {
        log.append(.confirmed(client, round: evaluation.round))
    }
}
