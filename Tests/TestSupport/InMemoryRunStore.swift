package import Adapters
package import Aggregation
package import FederatedLearning

/// A store without a disk: payloads by digest, and the steps of each job.
package actor InMemoryRunStore: RunStore {
    private var payloads: [ContentDigest: [UInt8]] = [:]
    private var states: [JobID: RunState] = [:]
    private var figures: [JobID: [Measurement]] = [:]
    /// Every step that was applied, in order, repeated ones included.
    package private(set) var changes: [RunChange] = []

    package init() {}

    package func state(of job: JobID) -> RunState { states[job] ?? RunState() }

    package func apply(_ change: RunChange, to job: JobID) {
        changes.append(change)
        states[job, default: RunState()].apply(change)
        guard case .measured(let measurements) = change else { return }
        for measurement in measurements {
            figures[job, default: []].removeAll { $0.names(sameAs: measurement) }
            figures[job, default: []].append(measurement)
        }
    }

    package func adapter(_ reference: AdapterReference) throws -> LoRAAdapter {
        guard let payload = payloads[reference.digest] else { throw StoredAdapterError.missing(reference.digest) }
        guard ContentDigest(hashing: payload) == reference.digest else {
            throw StoredAdapterError.damaged(reference.digest)
        }
        do {
            return try AdapterPayload.adapter(
                from: payload,
                rank: reference.rank,
                alpha: reference.alpha,
                usesRankStabilizedScaling: reference.usesRankStabilizedScaling,
                source: reference.digest.hexadecimal
            )
        } catch {
            throw StoredAdapterError.unreadable(reference.digest, reason: "\(error)")
        }
    }

    package func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) throws -> StoredAdapter {
        guard let payload = payloads[reference.digest] else { throw StoredAdapterError.missing(reference.digest) }
        guard ContentDigest(hashing: payload) == reference.digest else {
            throw StoredAdapterError.damaged(reference.digest)
        }
        do {
            return try AdapterPayload.update(
                from: SafetensorsFile(bytes: payload, source: reference.digest.hexadecimal, limits: .payload),
                scale: reference.scale,
                scope: scope,
                handed: handed
            )
        } catch {
            throw StoredAdapterError.unreadable(reference.digest, reason: "\(error)")
        }
    }

    package func keep(_ adapter: LoRAAdapter) -> AdapterReference {
        let payload = AdapterPayload.bytes(of: adapter)
        let layer = adapter.modules.min { $0.key < $1.key }?.value
        return AdapterReference(
            digest: insert(payload),
            byteCount: payload.count,
            rank: adapter.maximumRank,
            alpha: layer?.alpha ?? 1,
            usesRankStabilizedScaling: layer?.usesRankStabilizedScaling ?? false
        )
    }

    // MARK: - For tests

    /// Keeps what a client sent, whatever it is.
    @discardableResult
    package func insert(_ payload: [UInt8]) -> ContentDigest {
        let digest = ContentDigest(hashing: payload)
        payloads[digest] = payload
        return digest
    }

    /// Turns one bit of a stored payload.
    package func flipBit(_ bit: Int, of digest: ContentDigest) {
        payloads[digest]?[bit / 8] ^= 1 << UInt8(bit % 8)
    }

    /// Forgets a payload.
    package func remove(_ digest: ContentDigest) {
        payloads[digest] = nil
    }

    /// The figures of a job, each at its latest value.
    package func measurements(of job: JobID) -> [Measurement] { figures[job] ?? [] }

    /// The value of one figure.
    package func figure(_ name: String, _ phase: String, round: Int, client: ClientID? = nil) -> Double? {
        figures[.sample]?.first {
            $0.name == name && $0.phase == phase && $0.round == round && $0.client == client
        }?.value
    }
}

extension Measurement {
    /// Whether both are values of the same figure.
    package func names(sameAs other: Measurement) -> Bool {
        round == other.round && client == other.client && phase == other.phase && name == other.name
    }
}
