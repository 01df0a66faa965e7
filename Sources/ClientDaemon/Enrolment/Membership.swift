package import Foundation
package import Logging
package import Transport

/// What makes a directory a member of a federation: its credentials, and where the federation listens.
package struct Membership: Sendable {
    package let credentials: ClientCredentials
    package let server: ServerAddress

    /// Reads the membership of a joined directory.
    ///
    /// - Throws: ``ClientError`` when the directory has not joined, or others can read its key.
    package init(of directory: ClientDirectory, configuration: ClientConfiguration) throws {
        // A crash between a certificate and its key is mended by whoever reads the two.
        _ = try? directory.keyPair.load()
        try directory.validate()
        guard let server = configuration.server else {
            throw ClientError.noServer(path: directory.configurationFile.path)
        }
        self.server = server
        self.credentials = try ClientCredentials(
            certificateFile: directory.certificateFile,
            keyFile: directory.privateKeyFile,
            authorityFiles: [directory.authorityFile]
        )
    }

    /// Joins a federation: makes a key here, has it certified, and writes the membership into `directory`.
    ///
    /// The certificate is written last. Until it is there the directory has not joined, and joining can be tried again
    /// with a new invitation. A membership that is replaced stays as it is until the server has certified the new key.
    ///
    /// - Parameters:
    ///   - text: The join string.
    ///   - directory: Where the membership is kept; created when it is not there.
    ///   - replacing: Whether to replace the membership that `directory` may have: its certificate was revoked or has ended.
    ///   - now: The time, to tell an expired join string.
    ///   - logger: Where the transport says what happens.
    /// - Returns: The client's name and where it will connect.
    /// - Throws: ``ClientError/alreadyJoined(path:)`` before the invitation is used up,
    ///   ``ClientError/serverMoved(path:found:joined:)`` when the directory has joined all the same; `JoinStringError`,
    ///   `TransportError` and `EnrolmentError` as `EnrolmentDialer` says.
    package static func join(
        _ text: String,
        directory: ClientDirectory,
        replacing: Bool = false,
        now: Date = .now,
        logger: Logger
    ) async throws -> Enrolment {
        guard replacing || !directory.isJoined else { throw ClientError.alreadyJoined(path: directory.url.path) }
        let invitation = try JoinString(parsing: text)
        try directory.create()
        let lock = try DirectoryLock(of: directory)
        defer { withExtendedLifetime(lock) {} }
        // Whatever the steward prepared has to be readable before a single-use secret is spent on it.
        if FileManager.default.fileExists(atPath: directory.configurationFile.path),
            let server = try ConfigurationFile.read(from: directory).server, server.host != invitation.host
        {
            throw ClientError.otherServer(
                path: directory.configurationFile.path,
                found: "\(server)",
                invited: invitation.host
            )
        }
        let key = NodeKey()
        try directory.createCredentialsFolder()
        // The place of a key that waits is needed: one that a crash has left there belongs to the present certificate.
        _ = try? directory.keyPair.load()
        try directory.keyPair.prepare(key)
        let enrolment = try await EnrolmentDialer.join(invitation, key: key, now: now, logger: logger)
        var objection: ClientError?
        do {
            try ConfigurationFile.establish(
                server: ServerAddress(host: enrolment.host, port: enrolment.port),
                in: directory
            )
        } catch ClientError.otherServer(let path, let found, let joined) {
            // The secret is spent: its certificate is kept, and the steward corrects the file.
            objection = .serverMoved(path: path, found: found, joined: joined)
        }
        try NodeCertificate.write(enrolment.authorities, to: directory.authorityFile)
        try directory.keyPair.commit(enrolment.certificate)
        if let objection { throw objection }
        return enrolment
    }
}
