private import Adapters
package import Foundation
package import Logging
private import Training
private import Transport

/// Looks at everything that a daemon needs, and says of each thing whether it is well or what to do.
package struct Checkup: Sendable {
    /// What was found of one thing.
    package struct Finding: Hashable, Sendable {
        package let subject: String
        package let isWell: Bool
        /// What is there, or what is wrong and what to do.
        package let text: String
    }

    private let directory: ClientDirectory
    private let data: URL?
    private let models: [URL]
    private let now: Date
    private let logger: Logger

    /// Prepares a checkup.
    ///
    /// - Parameters:
    ///   - directory: The client's directory.
    ///   - data: The data file, when it is not the configuration's.
    ///   - models: Base model directories beside the configuration's.
    ///   - now: The time, to judge the certificate by.
    ///   - logger: Where the transport says what happens.
    package init(
        directory: ClientDirectory,
        data: URL? = nil,
        models: [URL] = [],
        now: Date = .now,
        logger: Logger
    ) {
        self.directory = directory
        self.data = data
        self.models = models
        self.now = now
        self.logger = logger
    }

    /// Looks at one thing after the other; what depends on something missing is left out.
    package func run() async -> [Finding] {
        var findings = [
            check("directory") {
                try directory.validate()
                return "\(directory.url.path), open to its owner alone"
            }
        ]
        var configuration = ClientConfiguration()
        findings.append(
            check("configuration") {
                configuration = try ConfigurationFile.read(from: directory)
                return "ranks up to \(configuration.maximumRank), \(configuration.threads) thread(s)"
            }
        )
        findings.append(check("storage") { try describeStorage() })
        var policy = SiloPolicy.open
        findings.append(
            check("policy") {
                policy = try PolicyFile.read(from: directory)
                return policy == .open ? "none: every order that this client can do" : directory.policyFile.path
            }
        )
        findings += await checkMembership(configuration)
        let file = data ?? configuration.data
        if let settings = configuration.trainer {
            findings.append(check("data") { try describeForeignData(file, policy) })
            findings.append(await trainer(settings, threads: configuration.threads))
        } else {
            findings.append(check("data") { try describeData(file, policy) })
        }
        findings += checkModels(configuration)
        return findings
    }

    private func check(_ subject: String, _ body: () throws -> String) -> Finding {
        do {
            return Finding(subject: subject, isWell: true, text: try body())
        } catch {
            return Finding(subject: subject, isWell: false, text: "\(error)")
        }
    }

    // MARK: - The federation

    private func checkMembership(_ configuration: ClientConfiguration) async -> [Finding] {
        // Without a membership there is nothing here to judge; the directory's finding says so.
        guard directory.isJoined else { return [] }
        let membership: Membership
        do {
            membership = try Membership(of: directory, configuration: configuration)
        } catch {
            return [Finding(subject: "certificate", isWell: false, text: "\(error)")]
        }
        return [certificate(of: membership), await server(of: membership)]
    }

    private func certificate(of membership: Membership) -> Finding {
        let certificate = membership.credentials.certificate
        let end = certificate.notValidAfter.formatted(.iso8601)
        let isValid = certificate.notValidBefore <= now && now < certificate.notValidAfter
        return Finding(
            subject: "certificate",
            isWell: isValid,
            text: isValid
                ? "\(membership.credentials.name), until \(end)"
                : "It is not valid now but until \(end). Check the clock, or join again with a new invitation."
        )
    }

    /// Makes the handshake and nothing more, so that a running daemon keeps its session.
    private func server(of membership: Membership) async -> Finding {
        do {
            try await FederationDialer.withConnection(
                host: membership.server.host,
                port: membership.server.port,
                credentials: membership.credentials,
                logger: logger
            ) { connection in
                try await awaitJudgement(on: connection)
            }
            return Finding(
                subject: "server",
                isWell: true,
                text: "\(membership.server) answers and proves its identity"
            )
        } catch {
            return Finding(subject: "server", isWell: false, text: "\(error)")
        }
    }

    /// Gives the server a moment to judge our certificate: in TLS 1.3 the client's handshake ends before that.
    private func awaitJudgement(on connection: FrameConnection) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for try await _ in connection.inbound {} }
            group.addTask { try await Task.sleep(for: .milliseconds(500)) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    // MARK: - What is lent

    private func describeStorage() throws -> String {
        switch try FileSystemKind(of: directory.url) {
        case .local: return "a local disk"
        case .network(let kind), .userspace(let kind):
            throw ClientError.remoteStorage(path: directory.url.path, kind: kind)
        }
    }

    /// What a trainer of the steward's reads, only that trainer understands.
    private func describeForeignData(_ file: URL?, _ policy: SiloPolicy) throws -> String {
        let file = try permitted(file, policy)
        guard FileManager.default.isReadableFile(atPath: file.path) else {
            throw ClientError.cannotRead(path: file.path, reason: "it does not exist, or is not for this user")
        }
        return "\(file.path), read by the trainer"
    }

    private func permitted(_ file: URL?, _ policy: SiloPolicy) throws -> URL {
        guard let file else { throw ClientError.noData(path: directory.configurationFile.path) }
        guard policy.allows(data: file) else {
            throw ClientError.dataNotAllowed(data: file.path, policy: directory.policyFile.path)
        }
        return file
    }

    private func describeData(_ file: URL?, _ policy: SiloPolicy) throws -> String {
        let file = try permitted(file, policy)
        let data = try DataFile(contentsOf: file)
        let heldOut = data.rows.count { $0.split == .test }
        var counts: [String: Int] = [:]
        for row in data.rows { counts[row.label?.text ?? "none", default: 0] += 1 }
        let labels = counts.sorted { $0.key < $1.key }.prefix(20).map { "\($0.key) \($0.value)" }
        return "\(data.rows.count) rows, \(heldOut) of them held out; labels: \(labels.joined(separator: ", "))"
    }

    private func checkModels(_ configuration: ClientConfiguration) -> [Finding] {
        let directories = configuration.models.sorted { $0.key < $1.key }.map(\.value) + models
        guard !directories.isEmpty else {
            let cache = ModelLibrary.defaultCache
            let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.path).sorted()) ?? []
            let isWell = !names.isEmpty
            return [
                Finding(
                    subject: "models",
                    isWell: isWell,
                    text: isWell
                        ? "\(names.joined(separator: ", ")) in \(cache.path)"
                        : "There is none in \(cache.path). Name one under `models` in client.yaml, or run with --model DIR."
                )
            ]
        }
        return directories.map { url in
            check("model") {
                let model = try BaseModelDirectory(reading: url)
                return "\(url.path), \(model.linearLayers.count) layers can be adapted"
            }
        }
    }
}

extension DataFile.Label {
    fileprivate var text: String {
        switch self {
        case .name(let name): name
        case .index(let index): "\(index)"
        }
    }
}
