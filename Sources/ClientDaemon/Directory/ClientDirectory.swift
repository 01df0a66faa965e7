package import Foundation
package import Transport

/// The folder in which one client keeps everything: who it is, what it lends, and what it owes.
///
/// ```
/// client.yaml          what the data steward decides
/// policy.yaml          what the data steward consents to; without it, every order that the client can do
/// tls/                 client.pem, client-key.pem (0600), authority.pem
/// payloads/            adapters that orders start from
/// memory/              what stays here between the rounds of a job
/// training.safetensors where a long training stands, while it lasts
/// trainer/             where a trainer of the steward's works: the only folder that it is told to write into
/// results/             what such a trainer has returned, while it is read
/// outbox/              finished updates without a verdict
/// privacy.json         what was released with noise
/// status.json          what the daemon is doing, for `fed-client status`
/// lock                 held while a daemon runs
/// ```
package struct ClientDirectory: Hashable, Sendable {
    package let url: URL

    package init(_ url: URL) {
        self.url = url.standardizedFileURL
    }

    package var configurationFile: URL { url.appendingPathComponent("client.yaml") }
    package var policyFile: URL { url.appendingPathComponent("policy.yaml") }
    package var credentials: URL { url.appendingPathComponent("tls", isDirectory: true) }
    package var certificateFile: URL { credentials.appendingPathComponent("client.pem") }
    package var privateKeyFile: URL { credentials.appendingPathComponent("client-key.pem") }
    /// Certificate and key, which change as one.
    package var keyPair: KeyPairFiles { KeyPairFiles(certificate: certificateFile, key: privateKeyFile) }
    package var authorityFile: URL { credentials.appendingPathComponent("authority.pem") }
    package var payloads: URL { url.appendingPathComponent("payloads", isDirectory: true) }
    package var memory: URL { url.appendingPathComponent("memory", isDirectory: true) }
    package var checkpointFile: URL { url.appendingPathComponent("training.safetensors") }
    package var outbox: URL { url.appendingPathComponent("outbox", isDirectory: true) }
    package var trainer: URL { url.appendingPathComponent("trainer", isDirectory: true) }
    package var results: URL { url.appendingPathComponent("results", isDirectory: true) }
    package var ledgerFile: URL { url.appendingPathComponent("privacy.json") }
    package var statusFile: URL { url.appendingPathComponent("status.json") }
    package var lockFile: URL { url.appendingPathComponent("lock") }

    /// Whether `fed-client join` has put credentials here; the certificate is the last of them.
    package var isJoined: Bool {
        FileManager.default.fileExists(atPath: certificateFile.path)
    }

    /// Creates the folder, open to its owner alone, when it is not there.
    package func create() throws {
        try createFolder(url)
    }

    /// Creates the folder for the credentials, open to its owner alone, when it is not there.
    package func createCredentialsFolder() throws {
        try createFolder(credentials)
    }

    private func createFolder(_ folder: URL) throws {
        do {
            try FileManager.default.createDirectory(
                at: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw ClientError.cannotWrite(path: folder.path, reason: error.localizedDescription)
        }
    }

    /// Checks that this is a joined directory which nobody but its owner can change.
    ///
    /// - Throws: ``ClientError/notJoined(path:)`` or ``ClientError/exposed(path:mode:allowed:)``.
    package func validate() throws {
        guard isJoined else { throw ClientError.notJoined(path: url.path) }
        try validatePermissions()
    }

    /// Checks that others can neither write into the folder nor read the private key.
    package func validatePermissions() throws {
        try requireMode(of: url, within: 0o755)
        try requireMode(of: credentials, within: 0o755)
        try requireMode(of: privateKeyFile, within: 0o600)
    }

    private func requireMode(of file: URL, within allowed: Int) throws {
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        } catch {
            throw ClientError.cannotRead(path: file.path, reason: error.localizedDescription)
        }
        guard let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue, mode & 0o777 & ~allowed == 0 else {
            throw ClientError.exposed(path: file.path, allowed: allowed)
        }
    }
}
