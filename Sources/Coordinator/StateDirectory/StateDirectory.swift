import FederatedLearning
package import Foundation
private import Glibc
package import Transport

/// Everything a server keeps, in one folder that only its owner can enter.
///
/// ```
/// server.yaml              where to listen, and under which names
/// ca/authority.pem, authority-key.pem
/// ca/previous.pem, previous-key.pem, rotation.json      while one authority takes over from another
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

    static let databaseName = "tributary.sqlite"
    static let payloadFolderName = "payloads"

    /// Where a payload lies, from the folder on.
    static func payloadPath(_ digest: ContentDigest) -> String { "\(payloadFolderName)/blobs/\(digest.hexadecimal)" }

    private var settingsFile: URL { root.appendingPathComponent("server.yaml") }
    private var authorityFolder: URL { root.appendingPathComponent("ca", isDirectory: true) }
    var authorityCertificate: URL { authorityFolder.appendingPathComponent("authority.pem") }
    var previousAuthority: URL { authorityFolder.appendingPathComponent("previous.pem") }
    var previousAuthorityKey: URL { authorityFolder.appendingPathComponent("previous-key.pem") }
    var rotationFile: URL { authorityFolder.appendingPathComponent("rotation.json") }
    var authorityKey: URL { authorityFolder.appendingPathComponent("authority-key.pem") }
    private var serverFolder: URL { root.appendingPathComponent("tls", isDirectory: true) }
    var serverCertificate: URL { serverFolder.appendingPathComponent("server.pem") }
    var serverKey: URL { serverFolder.appendingPathComponent("server-key.pem") }
    private var databaseFile: URL { root.appendingPathComponent(Self.databaseName) }
    private var payloadFolder: URL { root.appendingPathComponent(Self.payloadFolderName, isDirectory: true) }
    private var tokenFile: URL { root.appendingPathComponent("admin-token") }
    private var lockFile: URL { root.appendingPathComponent("lock") }
    private var runFile: URL { root.appendingPathComponent("run.json") }

    // MARK: - Parts

    package func settings() throws -> ServerSettings {
        try ServerSettings(contentsOf: settingsFile)
    }

    /// The authority that issues certificates now.
    package func authority() throws -> CertificateAuthority {
        try CertificateAuthority(certificateFile: authorityCertificate, keyFile: authorityKey)
    }

    /// The authority that the server's certificate is from, by which join strings name the server.
    package func authorityFingerprint() throws -> CertificateFingerprint {
        try serverCredentials().authority.fingerprint
    }

    package func serverCredentials() throws -> ServerCredentials {
        var files = [authorityCertificate]
        if FileManager.default.fileExists(atPath: previousAuthority.path) { files.append(previousAuthority) }
        return try ServerCredentials(certificateFile: serverCertificate, keyFile: serverKey, authorityFiles: files)
    }

    package func adminToken() throws -> String {
        try SecretFile.read(tokenFile).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Opens the database and the payload folder, which commands may do while a server runs.
    package func openStore() throws -> CoordinatorStore {
        try CoordinatorStore(database: openDatabase(), payloads: PayloadStore(directory: payloadFolder))
    }

    func openDatabase() throws -> CoordinatorDatabase { try CoordinatorDatabase(file: databaseFile) }

    /// Every file but the database and the payloads, by its path from the folder on: settings, certificates and keys.
    func configurationFiles() throws -> [String] {
        let single = [settingsFile, tokenFile].map(\.lastPathComponent)
        let keys = try [authorityFolder, serverFolder].flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }.sorted()
                .map { "\(folder.lastPathComponent)/\($0)" }
        }
        return single + keys
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
        let settings = try ServerSettings.standard(listen: listen, hosts: hosts)
        try FolderDraft.create(at: root) { draft in try StateDirectory(root: draft).fill(settings, now: now) }
        return StateDirectory(root: root)
    }

    private func fill(_ settings: ServerSettings, now: Date) throws {
        for folder in [authorityFolder, serverFolder, payloadFolder] { try FolderDraft.makeFolder(folder) }
        let authority = try CertificateAuthority.create(name: "Tributary \(settings.advertisedHost)", now: now)
        try authority.write(certificateFile: authorityCertificate, keyFile: authorityKey)
        try issueServerCertificate(by: authority, settings: settings, now: now)
        try SecretFile.write(AdminToken.generate() + "\n", to: tokenFile)
        _ = try CoordinatorDatabase(file: databaseFile)
        // Last: it is what makes the folder a state directory.
        try DurableFile.replace(settingsFile, with: Data(settings.yaml.utf8), permissions: 0o600)
    }
}
