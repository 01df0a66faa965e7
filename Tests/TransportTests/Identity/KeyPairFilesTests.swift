import Foundation
import TestSupport
import Testing

@testable import Transport

@Suite("A certificate and its key in two files")
struct KeyPairFilesTests {
    private struct Pairs {
        let files: KeyPairFiles
        let old: (certificate: NodeCertificate, key: NodeKey)
        let new: (certificate: NodeCertificate, key: NodeKey)
    }

    private func withPairs(_ body: (Pairs) throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            let authority = try CertificateAuthority.create(name: "test", now: .now)
            let pairs = try (0..<2).map { _ in
                let key = NodeKey()
                return (try authority.issueClient(name: "berlin", publicKey: key.publicKey, now: .now), key)
            }
            let files = KeyPairFiles(
                certificate: folder.appendingPathComponent("client.pem"),
                key: folder.appendingPathComponent("client-key.pem")
            )
            try pairs[0].1.write(to: files.key)
            try pairs[0].0.write(to: files.certificate)
            try body(Pairs(files: files, old: pairs[0], new: pairs[1]))
        }
    }

    @Test("are the old pair after the new key was prepared, and the new pair after its certificate came")
    func change() async throws {
        try await withPairs { pairs in
            try pairs.files.prepare(pairs.new.key)
            #expect(try pairs.files.load().key.pem == pairs.old.key.pem)
            #expect(try pairs.files.load().certificate == pairs.old.certificate)
            try pairs.files.commit(pairs.new.certificate)
            #expect(try pairs.files.load().key.pem == pairs.new.key.pem)
            #expect(try pairs.files.load().certificate == pairs.new.certificate)
        }
    }

    /// The crash that matters: the certificate is there, and the key has not got its name.
    @Test("end a change that a crash interrupted between the two")
    func interrupted() async throws {
        try await withPairs { pairs in
            try pairs.files.prepare(pairs.new.key)
            try pairs.new.certificate.write(to: pairs.files.certificate)
            for _ in 0..<2 {
                let found = try pairs.files.load()
                #expect(found.key.pem == pairs.new.key.pem)
                #expect(found.certificate == pairs.new.certificate)
            }
            let mode = try FileManager.default.attributesOfItem(atPath: pairs.files.key.path)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test("say what is wrong when they belong to different keys")
    func foreign() async throws {
        try await withPairs { pairs in
            try pairs.new.certificate.write(to: pairs.files.certificate)
            let found = try pairs.files.load()
            #expect(!found.key.isCertified(by: found.certificate))
            #expect(throws: CredentialError.keyMismatch(certificate: "The authority's certificate")) {
                try CertificateAuthority(
                    certificate: CertificateAuthority.create(name: "test", now: .now).certificate,
                    key: found.key
                )
            }
        }
    }
}
