import Foundation
import TestSupport
import Testing
import X509

@testable import Transport

@Suite("A federation's authority")
struct CertificateAuthorityTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func authority(
        validFor life: Duration = CertificateAuthority.defaultAuthorityLife
    ) throws -> CertificateAuthority {
        try CertificateAuthority.create(name: "test", now: now, validFor: life)
    }

    @Test("issues clients with the profile that the specification says")
    func clientProfile() throws {
        let authority = try authority()
        let key = NodeKey()
        let issued = try authority.issueClient(name: "st-mary.east_2", publicKey: key.publicKey, now: now)
        let certificate = issued.certificate
        #expect(certificate.issuer == authority.certificate.certificate.subject)
        #expect(try CertificateRole(of: certificate) == .client(name: "st-mary.east_2"))
        #expect(try certificate.extensions.basicConstraints == .notCertificateAuthority)
        #expect(try certificate.extensions.keyUsage == KeyUsage(digitalSignature: true))
        #expect(try certificate.extensions.extendedKeyUsage.map { Array($0) } == [.clientAuth])
        #expect(certificate.notValidAfter == now.addingTimeInterval(86_400))
        #expect(certificate.notValidBefore == now.addingTimeInterval(-300))
        let authorityKey = authority.certificate.certificate.publicKey
        #expect(authorityKey.isValidSignature(certificate.signature, for: certificate))
    }

    @Test("issues servers that are named as they are reached")
    func serverProfile() throws {
        let key = NodeKey()
        let hosts = ["fed.example.org", "10.0.0.7", "2001:db8::ff00:42:8329", "::ffff:10.0.0.8"]
        let issued = try authority().issueServer(hosts: hosts, publicKey: key.publicKey, now: now)
        #expect(try CertificateRole(of: issued.certificate) == .server)
        #expect(try issued.certificate.extensions.extendedKeyUsage.map { Array($0) } == [.serverAuth])
        for host in hosts + ["FED.example.ORG.", "[2001:DB8:0:0::FF00:42:8329]"] {
            #expect(try HostName(host).isNamed(by: issued.certificate), "\(host)")
        }
        for host in ["example.org", "other.fed.example.org", "10.0.0.8", "2001:db8::1"] {
            #expect(try !HostName(host).isNamed(by: issued.certificate), "\(host)")
        }
    }

    @Test("outlives everything that it issues")
    func lives() throws {
        let authority = try authority(validFor: .days(10))
        let key = NodeKey()
        let server = try authority.issueServer(hosts: ["a"], publicKey: key.publicKey, now: now, validFor: .days(365))
        #expect(server.notValidAfter == authority.certificate.notValidAfter)
        let client = try authority.issueClient(name: "a", publicKey: key.publicKey, now: now, validFor: .days(1))
        #expect(client.notValidAfter == now.addingTimeInterval(86_400))
    }

    @Test("gives every certificate a serial number of its own")
    func serialNumbers() throws {
        let authority = try authority()
        let key = NodeKey()
        let serials = try (0..<20).map { _ in
            try authority.issueClient(name: "a", publicKey: key.publicKey, now: now).serialNumber
        }
        #expect(Set(serials).count == 20)
    }

    @Test("issues nothing for names that are no names", arguments: ["", "A", "a/b", "a:b", "..", "é"])
    func names(_ name: String) throws {
        #expect(throws: CredentialError.invalidName(name)) {
            try authority().issueClient(name: name, publicKey: NodeKey().publicKey, now: now)
        }
    }

    @Test(
        "issues nothing for hosts that are no hosts",
        arguments: ["", "a b", "*.example.org", "-a", "a..b", "1.2.3", "a/b"]
    )
    func hosts(_ host: String) throws {
        #expect(throws: CredentialError.invalidHost(host)) {
            try authority().issueServer(hosts: [host], publicKey: NodeKey().publicKey, now: now)
        }
        #expect(throws: CredentialError.self) {
            try authority().issueServer(hosts: [], publicKey: NodeKey().publicKey, now: now)
        }
    }

    @Test("is the same after it was written and read")
    func files() async throws {
        try await withTemporaryDirectory { folder in
            let authority = try authority()
            let certificateFile = folder.appendingPathComponent("authority.pem")
            let keyFile = folder.appendingPathComponent("authority-key.pem")
            try authority.write(certificateFile: certificateFile, keyFile: keyFile)
            let permissions = try FileManager.default.attributesOfItem(atPath: keyFile.path)[.posixPermissions]
            #expect(permissions as? Int == 0o600)
            let read = try CertificateAuthority(certificateFile: certificateFile, keyFile: keyFile)
            #expect(read.fingerprint == authority.fingerprint)
            #expect(read.privateKeyPEM == authority.privateKeyPEM)
            // No temporary file stays behind.
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
        }
    }

    @Test("is not made of parts of two authorities, or of a client's certificate")
    func mixedParts() throws {
        let first = try authority()
        let key = NodeKey()
        #expect(throws: CredentialError.keyMismatch(certificate: "The authority's certificate")) {
            try CertificateAuthority(certificate: first.certificate, key: key)
        }
        let client = try first.issueClient(name: "a", publicKey: key.publicKey, now: now)
        #expect(throws: CredentialError.self) { try CertificateAuthority(certificate: client, key: key) }
    }
}

@Suite("Credentials")
struct CredentialsTests {
    private let now = Date.now

    @Test("belong together, or are refused")
    func belongTogether() throws {
        let authority = try CertificateAuthority.create(name: "one", now: now)
        let other = try CertificateAuthority.create(name: "one", now: now)
        let key = NodeKey()
        let client = try authority.issueClient(name: "a", publicKey: key.publicKey, now: now)
        let server = try authority.issueServer(hosts: ["a"], publicKey: key.publicKey, now: now)

        let good = try ClientCredentials(certificate: client, key: key, authority: authority.certificate)
        #expect(good.name == "a")
        #expect(throws: CredentialError.keyMismatch(certificate: "The certificate")) {
            try ClientCredentials(certificate: client, key: NodeKey(), authority: authority.certificate)
        }
        #expect(throws: CredentialError.foreignAuthority(certificate: "The certificate")) {
            try ClientCredentials(certificate: client, key: key, authority: other.certificate)
        }
        #expect(throws: CredentialError.self) {
            try ClientCredentials(certificate: server, key: key, authority: authority.certificate)
        }
        #expect(throws: CredentialError.self) {
            try ServerCredentials(certificate: client, key: key, authority: authority.certificate)
        }
        #expect(throws: CredentialError.self) {
            try ClientCredentials(certificate: client, key: key, authority: client)
        }
    }

    @Test("are not read from a key file that others can open", arguments: [0o640, 0o604, 0o660, 0o644, 0o620, 0o777])
    func exposedKey(_ permissions: Int) async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("key.pem")
            let key = NodeKey()
            try key.write(to: file)
            #expect(try NodeKey(contentsOf: file).pem == key.pem)
            try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: file.path)
            let error = #expect(throws: CredentialError.self) { try NodeKey(contentsOf: file) }
            #expect(error == .keyExposed(file: file.path, permissions: String(permissions, radix: 8)))
            #expect(error?.description.contains("chmod 600") == true)
        }
    }

    @Test("that cannot be read say which file and why")
    func unreadable() async throws {
        try await withTemporaryDirectory { folder in
            let missing = folder.appendingPathComponent("missing.pem")
            let first = #expect(throws: CredentialError.self) { try NodeCertificate(contentsOf: missing) }
            #expect(first?.description.contains(missing.path) == true)
            let second = #expect(throws: CredentialError.self) { try NodeKey(contentsOf: missing) }
            #expect(second?.description.contains(missing.path) == true)
            #expect(throws: CredentialError.self) { try NodeKey(pem: "no key") }
            #expect(throws: CredentialError.self) { try NodeCertificate(pem: "no certificate") }
            #expect(throws: CredentialError.self) { try NodeCertificate(bytes: [0x30, 0x03]) }
        }
    }
}

@Suite("A certificate request")
struct CertificateRequestTests {
    @Test("gives its key to the authority when the key has signed it")
    func proves() throws {
        let key = NodeKey()
        #expect(try NodePublicKey(certificateRequest: key.certificateRequest()) == key.publicKey)
    }

    @Test("never stands for another key when a bit of it is changed")
    func tampered() throws {
        let key = NodeKey()
        let request = try key.certificateRequest()
        var accepted = 0
        for index in request.indices {
            var changed = request
            changed[index] ^= 1
            // The signature covers all but the name of its own algorithm.
            guard let publicKey = try? NodePublicKey(certificateRequest: changed) else { continue }
            #expect(publicKey == key.publicKey)
            accepted += 1
        }
        #expect(accepted <= 2)
    }

    @Test("is refused when it is cut short, empty or something else")
    func malformed() throws {
        let request = try NodeKey().certificateRequest()
        for count in [0, 1, request.count / 2, request.count - 1] {
            #expect(throws: CredentialError.self) {
                try NodePublicKey(certificateRequest: Array(request.prefix(count)))
            }
        }
        let authority = try CertificateAuthority.create(name: "x", now: .now)
        #expect(throws: CredentialError.self) {
            try NodePublicKey(certificateRequest: authority.certificate.bytes)
        }
    }
}
