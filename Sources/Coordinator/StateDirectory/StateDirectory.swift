package import Foundation
private import Glibc
package import Transport

/// Everything a server keeps, in one folder that only its owner can enter.
///
/// ```
/// server.yaml              where to listen, and under which names
/// ca/authority.pem, authority-key.pem
/// tls/server.pem, server-key.pem
/// tributary.sqlite         jobs, rounds, clients, the audit log
/// payloads/                adapters, by SHA-256
/// admin-token              what commands on this machine show to the admin API
/// lock                     held by the running server
/// run.json                 where the running server listens
/// ```
package struct StateDirectory: Sendable {
    package let root: URL

    /// Names the folder; nothing is read.
    private init(root: URL) {
        self.root = root
    }

    /// Opens an existing state directory.
    ///
    /// - Throws: ``CoordinatorError/notAStateDirectory(path:)``.
    package init(opening root: URL) throws(CoordinatorError) {
        self.init(root: root)
        guard FileManager.default.fileExists(atPath: settingsFile.path) else {
            throw .notAStateDirectory(path: root.path)
        }
    }

    // MARK: - Layout

    private var settingsFile: URL { root.appendingPathComponent("server.yaml") }
    private var authorityCertificate: URL { root.appendingPathComponent("ca/authority.pem") }
    private var authorityKey: URL { root.appendingPathComponent("ca/authority-key.pem") }
    private var serverCertificate: URL { root.appendingPathComponent("tls/server.pem") }
    private var serverKey: URL { root.appendingPathComponent("tls/server-key.pem") }
    private var databaseFile: URL { root.appendingPathComponent("tributary.sqlite") }
    private var payloadFolder: URL { root.appendingPathComponent("payloads", isDirectory: true) }
    private var tokenFile: URL { root.appendingPathComponent("admin-token") }
    private var lockFile: URL { root.appendingPathComponent("lock") }
    private var runFile: URL { root.appendingPathComponent("run.json") }

    // MARK: - Parts

    package func settings() throws -> ServerSettings {
        try ServerSettings(contentsOf: settingsFile)
    }

    package func authority() throws -> CertificateAuthority {
        try CertificateAuthority(certificateFile: authorityCertificate, keyFile: authorityKey)
    }

    /// The authority's certificate alone, for those who need not sign.
    package func authorityFingerprint() throws -> CertificateFingerprint {
        try NodeCertificate(contentsOf: authorityCertificate).fingerprint
    }

    package func serverCredentials() throws -> ServerCredentials {
        try ServerCredentials(
            certificateFile: serverCertificate,
            keyFile: serverKey,
            authorityFile: authorityCertificate
        )
    }

    package func adminToken() throws -> String {
        try SecretFile.read(tokenFile).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Opens the database and the payload folder, which commands may do while a server runs.
    package func openStore() throws -> CoordinatorStore {
        try CoordinatorStore(
            database: CoordinatorDatabase(file: databaseFile),
            payloads: PayloadStore(directory: payloadFolder)
        )
    }

    /// Takes the right to run a server here.
    ///
    /// - Throws: ``CoordinatorError/alreadyRunning(path:process:)``.
    package func lock() throws -> StateDirectoryLock {
        try StateDirectoryLock(file: lockFile)
    }

    // MARK: - The running server

    /// Tells commands where the server listens.
    package func announce(_ addresses: BoundAddresses) throws {
        try DurableFile.replace(runFile, with: AdminCoding.encode(addresses), permissions: 0o600)
    }

    /// Takes the announcement back.
    package func withdrawAnnouncement() {
        unlink(runFile.path)
    }

    /// Returns where the running server listens, or `nil` when none runs; what a killed server left behind counts for
    /// nothing.
    package func runningServer() throws -> BoundAddresses? {
        guard StateDirectoryLock.isHeld(lockFile), let bytes = try? Data(contentsOf: runFile) else { return nil }
        return try AdminCoding.decode(BoundAddresses.self, from: bytes)
    }

    /// Returns a client of the running server's admin API, or `nil` when no server runs.
    package func adminClient() throws -> AdminClient? {
        try runningServer().map { AdminClient(address: $0.admin, token: try adminToken()) }
    }
}

// MARK: - Making one

extension StateDirectory {
    /// Makes a state directory with a new authority and a server certificate.
    ///
    /// The folder appears complete or not at all: it is put together beside its place and renamed.
    ///
    /// - Parameters:
    ///   - root: Where; nothing may be there but an empty folder.
    ///   - listen: Where clients will connect. Enrolment takes the next port, the admin API the one after that.
    ///   - hosts: The names under which clients reach this machine, beside `localhost` and the loopback addresses.
    ///   - now: When the certificates begin.
    /// - Returns: The new state directory.
    /// - Throws: ``CoordinatorError/folderNotEmpty(path:)``, or why the certificates or files cannot be made.
    package static func create(
        at root: URL,
        listen: ListenAddress,
        hosts: [String],
        now: Date
    ) throws -> StateDirectory {
        let root = root.standardizedFileURL
        let present = (try? FileManager.default.contentsOfDirectory(atPath: root.path))?.count
        guard present ?? 0 == 0, present != nil || !FileManager.default.fileExists(atPath: root.path) else {
            throw CoordinatorError.folderNotEmpty(path: root.path)
        }
        let settings = try ServerSettings.standard(listen: listen, hosts: hosts)
        let parent = root.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let draft = StateDirectory(
            root: parent.appendingPathComponent(".\(root.lastPathComponent).\(UUID().uuidString)", isDirectory: true)
        )
        do {
            try draft.fill(settings, now: now)
            guard rename(draft.root.path, root.path) == 0 else { throw failure(root) }
        } catch {
            try? FileManager.default.removeItem(at: draft.root)
            throw error
        }
        return StateDirectory(root: root)
    }

    private func fill(_ settings: ServerSettings, now: Date) throws {
        for folder in [root, root.appendingPathComponent("ca"), root.appendingPathComponent("tls"), payloadFolder] {
            guard mkdir(folder.path, 0o700) == 0 else { throw Self.failure(folder) }
        }
        let authority = try CertificateAuthority.create(name: "Tributary \(settings.advertisedHost)", now: now)
        try authority.write(certificateFile: authorityCertificate, keyFile: authorityKey)
        let key = NodeKey()
        var hosts: [String] = []
        for host in settings.hosts + ["localhost", "127.0.0.1", "::1"] where !hosts.contains(host) {
            hosts.append(host)
        }
        if !settings.listen.isWildcard, !hosts.contains(settings.listen.host) { hosts.append(settings.listen.host) }
        try authority.issueServer(hosts: hosts, publicKey: key.publicKey, now: now).write(to: serverCertificate)
        try key.write(to: serverKey)
        try SecretFile.write(AdminToken.generate() + "\n", to: tokenFile)
        _ = try CoordinatorDatabase(file: databaseFile)
        // Last: it is what makes the folder a state directory.
        try DurableFile.replace(settingsFile, with: Data(settings.yaml.utf8), permissions: 0o600)
    }

    private static func failure(_ file: URL) -> CoordinatorError {
        .fileFailed(path: file.path, action: .create, reason: String(cString: strerror(errno)))
    }
}
