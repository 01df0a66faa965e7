import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Transport

@testable import Coordinator

extension CoordinatorStore {
    /// A store whose database is in memory and whose payloads are in `folder`.
    static func temporary(in folder: URL) throws -> CoordinatorStore {
        try CoordinatorStore(
            database: CoordinatorDatabase(),
            payloads: PayloadStore(directory: folder.appendingPathComponent("payloads"))
        )
    }

    /// A store on the disk of `folder`.
    static func durable(in folder: URL) throws -> CoordinatorStore {
        try CoordinatorStore(
            database: CoordinatorDatabase(file: folder.appendingPathComponent("tributary.sqlite")),
            payloads: PayloadStore(directory: folder.appendingPathComponent("payloads"))
        )
    }

    /// Submits a job of that name.
    @discardableResult
    func submitSample(_ id: JobID = .sample, configuration: JobConfiguration = .sample()) async throws -> JobID {
        try await jobs.submit(.sample, configuration: configuration, id: id, now: .sample)
    }

    /// Submits a job and opens its first round for these clients, who are handed `adapter`.
    @discardableResult
    func openRound(_ id: JobID = .sample, for clients: [ClientID]) async throws -> AdapterReference {
        try await submitSample(id)
        let adapter = try await runs.keep(.sample())
        try await runs.apply(.began(initial: adapter), to: id)
        try await runs.apply(
            .opened(round: 1, cohort: clients.map { CohortMember(client: $0, adapter: adapter) }),
            to: id
        )
        return adapter
    }

    /// Enrols a client and returns it as the transport would present it.
    func enrol(_ name: String) async throws -> PeerIdentity {
        let secret = ContentDigest(hashing: Array("secret of \(name)".utf8))
        let fingerprint = ContentDigest(hashing: Array("certificate of \(name)".utf8))
        try await clients.invite(name, secretHash: secret, expiry: .sample + 600, now: .sample)
        _ = try await clients.redeem(secretHash: secret, now: .sample) { name in
            ((), IssuedCertificate(name: name, fingerprint: fingerprint, serial: "01", expiry: .sample + 86_400))
        }
        return try .sample(name)
    }
}

extension JobSubmission {
    static let sample = JobSubmission(yaml: "name: sample", modelPath: "/model", modelDigest: .sampleModel)
}

extension PeerIdentity {
    /// The peer whose certificate ``CoordinatorStore/enrol(_:)`` records.
    static func sample(_ name: String) throws -> PeerIdentity {
        let digest = ContentDigest(hashing: Array("certificate of \(name)".utf8))
        guard let fingerprint = CertificateFingerprint(bytes: PayloadBytes.of(digest)) else {
            throw CancellationError()
        }
        return PeerIdentity(
            role: .client(name: name),
            address: "127.0.0.1:50000",
            fingerprint: fingerprint,
            serialNumber: "01",
            notValidAfter: .sample + 86_400
        )
    }
}

enum PayloadBytes {
    /// The 32 bytes of a digest.
    static func of(_ digest: ContentDigest) -> [UInt8] {
        let digits = Array(digest.hexadecimal.utf8)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }
}

extension Date {
    /// A moment that tests speak of.
    static let sample = Date(timeIntervalSince1970: 1_800_000_000)
}
