private import Adapters
private import FederatedLearning
package import Foundation
package import Logging
private import Training
package import Transport

/// Looks at everything that a daemon needs, and says of each thing whether it is well or what to do.
package struct Checkup: Sendable {
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
            Finding("directory") {
                try directory.validate()
                return "\(directory.url.path), open to its owner alone"
            }
        ]
        var configuration = ClientConfiguration()
        findings.append(
            Finding("configuration") {
                configuration = try ConfigurationFile.read(from: directory)
                return "ranks up to \(configuration.maximumRank), \(configuration.threads) thread(s)"
            }
        )
        findings.append(Finding("storage") { try describeStorage() })
        findings.append(StorageProbe.freeSpace(at: directory.url))
        var policy = SiloPolicy.open
        findings.append(
            Finding("policy") {
                policy = try PolicyFile.read(from: directory)
                return policy == .open ? "none: every order that this client can do" : directory.policyFile.path
            }
        )
        findings += await checkMembership(configuration)
        let file = data ?? configuration.data
        let dataFinding: Finding
        if let settings = configuration.trainer {
            dataFinding = Finding("data") { try describeForeignData(file, policy) }
            findings += [dataFinding, await trainer(settings, threads: configuration.threads)]
        } else {
            dataFinding = Finding("data") { try describeData(file, policy) }
            findings.append(dataFinding)
        }
        // A trainer of the silo's own reads its data itself.
        let isReadable = dataFinding.isWell && configuration.trainer == nil
        findings += await checkModels(configuration, policy, data: isReadable ? file : nil)
        return findings
    }

    // MARK: - The federation

    private func checkMembership(_ configuration: ClientConfiguration) async -> [Finding] {
        // Without a membership there is nothing here to judge; the directory's finding says so.
        guard directory.isJoined else { return [] }
        let membership: Membership
        do {
            membership = try Membership(of: directory, configuration: configuration)
        } catch {
            return [Finding("certificate", isWell: false, "\(error)")]
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: directory.certificateFile.path)
        let clock = ClockProbe.finding(
            membership.credentials.certificate,
            written: attributes?[.modificationDate] as? Date,
            now: now
        )
        return [certificate(of: membership), clock] + (await server(of: membership))
    }

    private func certificate(of membership: Membership) -> Finding {
        let certificate = membership.credentials.certificate
        let end = certificate.notValidAfter.formatted(.iso8601)
        let isValid = certificate.isValid(at: now)
        return Finding(
            "certificate",
            isWell: isValid,
            isValid
                ? "\(membership.credentials.name), until \(end)"
                : "It is not valid now but until \(end). Check the clock, or `fed-client join --again`."
        )
    }

    /// Makes the handshake and nothing more, so that a running daemon keeps its session.
    private func server(of membership: Membership) async -> [Finding] {
        let server = membership.server
        return await ServerProbe.findings(host: server.host, port: server.port) {
            try await FederationDialer.withConnection(
                host: server.host,
                port: server.port,
                credentials: membership.credentials,
                logger: logger
            ) { connection in
                try await awaitJudgement(on: connection)
            }
            return "\(server) proves its identity, and takes this client's"
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

    private func checkModels(
        _ configuration: ClientConfiguration,
        _ policy: SiloPolicy,
        data: URL?
    ) async -> [Finding] {
        var directories = configuration.models.sorted { $0.key < $1.key }.map(\.value) + models
        let areNamed = !directories.isEmpty
        if directories.isEmpty {
            let cache = ModelLibrary.defaultCache
            let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.path).sorted()) ?? []
            directories = names.map { cache.appendingPathComponent($0, isDirectory: true) }
        }
        guard !directories.isEmpty else {
            let cache = ModelLibrary.defaultCache.path
            return [
                Finding(
                    "model",
                    isWell: false,
                    "There is none in \(cache). Name one under `models` in client.yaml, or run with --model DIR."
                )
            ]
        }
        var findings: [Finding] = []
        for url in directories {
            let model = await Finding.checking("model") { try await describeModel(at: url, policy) }
            findings.append(model)
            // The data need not fit every model that happens to lie in the cache.
            guard model.isWell, let data, areNamed || directories.count == 1 else { continue }
            findings.append(
                Finding("trainer") {
                    _ = try NativeTrainer(model: url, data: data, client: "doctor", threads: configuration.threads)
                    return "native, has read \(url.lastPathComponent), its tokenizer and the data"
                }
            )
        }
        return findings
    }

    /// The digest is what a job pins: it is to be compared with the one that the server's steward tells.
    private func describeModel(at url: URL, _ policy: SiloPolicy) async throws -> String {
        let model = try BaseModelDirectory(reading: url)
        let digest = try await ModelDigest.of(directory: url)
        if let allowed = policy.models, !allowed.contains(digest) {
            throw Flaw(
                """
                '\(directory.policyFile.path)' does not allow '\(url.path)', SHA-256 \(digest.hexadecimal). Add the digest to \
                `models` there, or use another model.
                """
            )
        }
        return "\(url.path), \(model.linearLayers.count) layers can be adapted, SHA-256 \(digest.hexadecimal)"
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
