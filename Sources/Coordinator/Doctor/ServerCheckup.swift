private import FederatedLearning
package import Foundation
package import Logging
package import Transport

/// Looks at everything that a server needs, running or not, and says of each thing whether it is well or what to do.
package struct ServerCheckup: Sendable {
    private let directory: StateDirectory
    private let now: Date
    private let logger: Logger

    /// Prepares a checkup.
    ///
    /// - Parameters:
    ///   - directory: The server's state directory.
    ///   - now: The time, to judge certificates by.
    ///   - logger: Where the transport says what happens.
    package init(of directory: StateDirectory, now: Date = .now, logger: Logger) {
        self.directory = directory
        self.now = now
        self.logger = logger
    }

    /// Looks at one thing after the other; what depends on something missing is left out.
    package func run() async -> [Finding] {
        var settings: ServerSettings?
        var findings = [
            Finding("settings") {
                let read = try directory.settings()
                settings = read
                return "clients dial \(read.advertisedHost), certificates last \(read.certificateHours) h"
            }
        ]
        var credentials: ServerCredentials?
        findings.append(
            Finding("certificate") {
                let read = try directory.serverCredentials()
                credentials = read
                return try describe(read, settings)
            }
        )
        if let credentials {
            findings.append(ClockProbe.finding(credentials.certificate, written: nil, now: now))
        }
        findings.append(Finding("storage") { try describeStorage() })
        findings.append(StorageProbe.freeSpace(at: directory.root))
        findings += await checkDatabase()
        if let settings { findings += await checkListeners(settings, credentials) }
        return findings
    }

    // MARK: - Keys and storage

    private func describe(_ credentials: ServerCredentials, _ settings: ServerSettings?) throws -> String {
        let (server, authority) = (credentials.certificate, credentials.authority)
        for (name, certificate) in [("server", server), ("authority", authority)] where !certificate.isValid(at: now) {
            let (start, end) = (
                certificate.notValidBefore.formatted(.iso8601), certificate.notValidAfter.formatted(.iso8601)
            )
            throw Flaw(
                """
                The \(name)'s certificate is valid from \(start) to \(end), and not now. Check the clock; start the server, \
                which renews its own certificate, or make a new state directory when the authority's has ended.
                """
            )
        }
        // Also that the key to it can be read: without it nobody can be invited.
        _ = try directory.authority()
        if let host = settings?.hosts.first(where: { !credentials.names($0) }) {
            throw Flaw(
                """
                The certificate does not name '\(host)' of `hosts`, so clients that dial it refuse the server. Remove it there, \
                or put a certificate that names it into '\(directory.root.path)/tls'.
                """
            )
        }
        return "until \(server.notValidAfter.formatted(.iso8601)), authority \(authority.fingerprint)"
    }

    private func describeStorage() throws -> String {
        switch try FileSystemKind(of: directory.root) {
        case .local: return "a local disk"
        case .userspace(let kind): return "\(kind): make sure that it keeps locks and forces files to disk"
        case .network(let kind): throw CoordinatorError.networkStorage(path: directory.root.path, kind: kind)
        }
    }

    private func checkDatabase() async -> [Finding] {
        let store: CoordinatorStore
        do {
            store = try directory.openStore()
        } catch {
            return [Finding("database", isWell: false, "\(error)")]
        }
        let jobs = await Finding.checking("database") {
            let jobs = try await store.jobs.summaries()
            let open = jobs.count { !$0.phase.isFinal }
            let clients = try await store.clients.clients()
            return "\(jobs.count) job(s), \(open) of them not over, \(clients.count) client(s)"
        }
        let audit = await Finding.checking("audit log") {
            let head = try await store.audit.verify()
            if let latest = try await store.audit.entries().last, latest.at > now.addingTimeInterval(60) {
                throw Flaw(
                    """
                    The latest entry is of \(latest.at.formatted(.iso8601)), which is still to come by this clock. Set the clock, \
                    and keep it by a time service such as chrony or systemd-timesyncd.
                    """
                )
            }
            return "\(head.sequence) entries, ends with \(head)"
        }
        let payloads = await Finding.checking("payloads") {
            let damages = try await store.runs.findDamage()
            guard let first = damages.first else { return "every adapter is as it was written" }
            throw Flaw(damages.count == 1 ? "\(first)" : "\(first) (The first of \(damages.count).)")
        }
        return [jobs, audit, payloads] + (await checkModels(of: store))
    }

    /// Compares the base model of every job that is not over with the digest that the job pins.
    private func checkModels(of store: CoordinatorStore) async -> [Finding] {
        guard let jobs = try? await store.jobs.summaries() else { return [] }
        var findings: [Finding] = []
        for job in jobs where !job.phase.isFinal {
            findings.append(
                await Finding.checking("model") {
                    let submission = try await store.jobs.job(job.id).submission
                    let folder = URL(fileURLWithPath: submission.modelPath, isDirectory: true)
                    let digest = try await ModelDigest.of(directory: folder)
                    guard digest == submission.modelDigest else {
                        throw Flaw(
                            """
                            '\(submission.modelPath)' has the SHA-256 \(digest.hexadecimal), and job \(job.id) pins \
                            \(submission.modelDigest.hexadecimal). Put the job's model there again.
                            """
                        )
                    }
                    return "\(submission.modelPath) is what job \(job.id) pins"
                }
            )
        }
        return findings
    }

    // MARK: - Listeners

    private func checkListeners(_ settings: ServerSettings, _ credentials: ServerCredentials?) async -> [Finding] {
        guard let running = try? directory.runningServer() else {
            return await checkFreePorts(of: settings)
        }
        var findings = [Finding("server", isWell: true, "runs as process \(running.process)")]
        let host = settings.advertisedHost
        if let credentials {
            findings += await ServerProbe.findings(host: host, port: running.enrolment.port, label: "enrolment") {
                try await ServerProbe.greetEnrolment(
                    host: host,
                    port: running.enrolment.port,
                    authority: credentials.authority.fingerprint,
                    logger: logger
                )
                return "proves its identity as \(host)"
            }
        }
        findings.append(
            await Finding.checking("federation port") {
                try await PortProbe.connect(host: host, port: running.federation.port)
                return "\(running.federation.port) answers"
            }
        )
        findings.append(
            await Finding.checking("admin API") {
                _ = try await directory.adminClient()?.health()
                return "\(running.admin) answers"
            }
        )
        return findings
    }

    private func checkFreePorts(of settings: ServerSettings) async -> [Finding] {
        var findings = [Finding("server", isWell: true, "does not run")]
        for (name, address) in [
            ("federation port", settings.listen), ("enrolment port", settings.enrolmentListen),
            ("admin port", settings.adminListen),
        ] {
            findings.append(
                await Finding.checking(name) {
                    try await PortProbe.bind(host: address.host, port: address.port)
                    return "\(address) is free"
                }
            )
        }
        return findings
    }
}
