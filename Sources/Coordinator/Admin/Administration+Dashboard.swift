private import Adapters
package import FederatedLearning
private import Foundation

/// What the dashboard asks, beside what the command line does.
extension Administration {
    // MARK: - The server

    package func overview() async throws -> Overview { try await Self.overview(store: store, registry: registry) }

    static func overview(store: CoordinatorStore, registry: SessionRegistry) async throws -> Overview {
        let counts = try await store.clients.counts()
        let (jobs, count) = try await store.jobs.latest(Overview.jobLimit)
        return Overview(
            software: Software.description,
            clients: ClientCounts(
                enrolled: counts.enrolled,
                connected: await registry.connectedCount,
                revoked: counts.revoked
            ),
            jobs: jobs,
            jobCount: count
        )
    }

    /// Returns entries of the audit log, the latest first.
    package func audit(before sequence: Int64?, limit: Int) async throws -> AuditLog.Page {
        try await store.audit.page(before: sequence, limit: limit)
    }

    // MARK: - Clients

    package func clients(matching query: ClientQuery) async throws -> ClientPage {
        let (total, records) = try await store.clients.clients(
            matching: query,
            connected: await registry.connectedNames
        )
        let heard = await registry.lastHeard(of: records.map(\.name))
        return ClientPage(
            total: total,
            offset: query.offset,
            clients: records.map { ClientSummary(record: $0, lastHeard: heard[$0.name]) }
        )
    }

    /// Invites a client.
    ///
    /// - Parameters:
    ///   - name: What the client is called from now on.
    ///   - seconds: How long the join string is good for, brought into ``Invitation/lifetimes``.
    /// - Returns: The join string, as text and as a QR code.
    /// - Throws: ``CoordinatorError/invalidClientName(_:)``.
    package func invite(_ name: String, seconds: Int) async throws -> Invitation {
        let seconds = min(max(seconds, Invitation.lifetimes.lowerBound), Invitation.lifetimes.upperBound)
        return try Invitation(client: name, await makeInvitation(name, seconds))
    }

    // MARK: - Jobs

    /// Returns a job's file as its author wrote it.
    package func jobFile(_ id: JobID) async throws -> String { try await store.jobs.job(id).submission.yaml }

    /// Returns the curves of a job from a round on, and the round that is going on.
    package func course(of id: JobID, from first: Int) async throws -> RoundCourse {
        try await figures.course(of: id, from: first)
    }

    /// Returns every client that trained or evaluated in a round.
    package func clients(ofRound round: Int, of id: JobID) async throws -> [RoundClient] {
        try await store.jobs.clients(ofRound: round, of: id)
    }

    /// Returns everything measured of one client in a job from a round on.
    package func measurements(
        of id: JobID,
        client: String,
        from first: Int
    ) async throws -> [FederatedLearning.Measurement] {
        try await store.jobs.measurements(of: id, client: client, from: first)
    }

    /// Returns where a job stands with its privacy budget; `nil` when it adds no noise.
    package func privacyStanding(of id: JobID) async throws -> PrivacyStanding? {
        try await figures.privacyStanding(of: id)
    }

    /// Returns a job's latest adapter as a PEFT directory in an archive, and the name of that directory.
    ///
    /// - Throws: ``CoordinatorError/nothingToExport(_:)``.
    package func adapterArchive(of id: JobID) async throws -> (name: String, archive: ExportedAdapter) {
        let summary = try await store.jobs.summary(of: id)
        let plain = summary.name.unicodeScalars.filter {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.".unicodeScalars.contains($0))
        }
        let name = "\(String(String.UnicodeScalarView(plain.prefix(80))))-round-\(summary.committedRounds)"
        let archive = try await ExportedAdapter(named: name, date: now()) { folder in
            _ = try await AdapterExporter(store: store).export(id, to: folder, rank: nil)
        }
        return (name, archive)
    }
}
