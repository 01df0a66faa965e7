package import Foundation
private import Glibc
import Transport

/// One authority takes over from another: the content of `rotation.json`.
///
/// The new one issues from the beginning, and both are trusted. Clients hear of it when they renew. The server shows a
/// certificate of the old one until the last client certificate that was issued before has ended: by then everybody who
/// can still connect knows both.
package struct AuthorityRotation: Hashable, Sendable, Codable {
    package let beganAt: Date
    package let endsAt: Date

    enum CodingKeys: String, CodingKey {
        case beganAt = "began_at"
        case endsAt = "ends_at"
    }
}

extension StateDirectory {
    private var authorityFiles: KeyPairFiles { KeyPairFiles(certificate: authorityCertificate, key: authorityKey) }
    private var serverFiles: KeyPairFiles { KeyPairFiles(certificate: serverCertificate, key: serverKey) }

    /// The change of authorities that is under way.
    package func rotation() throws -> AuthorityRotation? {
        // What a crash has left of a change that was at its end is removed last, and is none any more.
        guard [rotationFile, previousAuthority].allSatisfy({ FileManager.default.fileExists(atPath: $0.path) })
        else { return nil }
        // Written before the new authority: a crash in between leaves the old one, and nothing is under way.
        guard try NodeCertificate(contentsOf: previousAuthority) != authority().certificate else { return nil }
        return try AdminCoding.decode(AuthorityRotation.self, from: Data(contentsOf: rotationFile))
    }

    /// Lets a new authority take over.
    ///
    /// - Parameters:
    ///   - now: When the new authority begins.
    ///   - end: When the last certificate that the present one issued to a client has ended.
    /// - Returns: The change that is under way from now on.
    /// - Throws: ``CoordinatorError/rotationUnderWay(until:)``, or why files cannot be written.
    package func rotateAuthority(now: Date, lastCertificateEnds end: Date) throws -> AuthorityRotation {
        if let rotation = try rotation() { throw CoordinatorError.rotationUnderWay(until: rotation.endsAt) }
        let old = try authorityFiles.load()
        let rotation = AuthorityRotation(beganAt: now, endsAt: max(now, end))
        try old.key.write(to: previousAuthorityKey)
        try old.certificate.write(to: previousAuthority)
        try DurableFile.replace(rotationFile, with: AdminCoding.encode(rotation), permissions: 0o600)
        let new = try CertificateAuthority.create(name: "Tributary \(settings().advertisedHost)", now: now)
        try authorityFiles.prepare(NodeKey(pem: new.privateKeyPEM))
        try authorityFiles.commit(new.certificate)
        return rotation
    }

    /// Does what is due: ends a change of authorities, and renews the server's certificate after two thirds of its life.
    ///
    /// - Returns: What was done, as a sentence; `nil` when nothing was due.
    package func maintainKeys(now: Date) throws -> String? {
        let settings = try settings()
        let shown = try serverCredentials()
        if let rotation = try rotation(), now >= rotation.endsAt {
            try issueServerCertificate(by: authority(), settings: settings, now: now)
            // The key first: whatever a crash leaves of the others, it is gone.
            for file in [previousAuthorityKey, previousAuthority, rotationFile] { unlink(file.path) }
            return "The new authority has taken over from the previous one."
        }
        guard now >= shown.certificate.renewalDate else { return nil }
        let current = try authority()
        let issuer =
            shown.authority == current.certificate
            ? current : try CertificateAuthority(certificateFile: previousAuthority, keyFile: previousAuthorityKey)
        try issueServerCertificate(by: issuer, settings: settings, now: now)
        return "The server's certificate was renewed."
    }

    /// Makes a new key for the server, and a certificate that names every host under which it is reached.
    func issueServerCertificate(by authority: CertificateAuthority, settings: ServerSettings, now: Date) throws {
        var hosts: [String] = []
        for host in settings.hosts + ["localhost", "127.0.0.1", "::1"] where !hosts.contains(host) {
            hosts.append(host)
        }
        if !settings.listen.isWildcard, !hosts.contains(settings.listen.host) { hosts.append(settings.listen.host) }
        let key = NodeKey()
        let certificate = try authority.issueServer(hosts: hosts, publicKey: key.publicKey, now: now)
        try serverFiles.prepare(key)
        try serverFiles.commit(certificate)
    }
}
