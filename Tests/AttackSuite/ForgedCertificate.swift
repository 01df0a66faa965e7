import Coordinator
import FederationHarness
import Foundation

/// Certificates that OpenSSL makes with the federation's own authority, and connections that show them.
///
/// Nobody but the server has that key. The point is what a certificate says: signed is not enough.
enum ForgedCertificate {
    /// Makes a certificate with these extensions, says Hello with it, and returns what the server sent.
    static func connect(
        to field: AttackField,
        subject: String,
        extensions: [String]
    ) throws -> OpenSSLClient.Answer {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("forged-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = { (name: String) in folder.appendingPathComponent(name).path }
        let authority = field.federation.state.root.appendingPathComponent("ca")
        try Data(extensions.joined(separator: "\n").utf8).write(to: folder.appendingPathComponent("extensions"))
        try OpenSSLTool.run([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
            "-keyout", path("key.pem"), "-out", path("request.pem"),
        ])
        try OpenSSLTool.run([
            "x509", "-req", "-in", path("request.pem"), "-out", path("certificate.pem"), "-days", "1",
            "-CA", authority.appendingPathComponent("authority.pem").path,
            "-CAkey", authority.appendingPathComponent("authority-key.pem").path,
            "-extfile", path("extensions"),
        ])
        return try OpenSSLClient.run(
            [
                "-connect", "127.0.0.1:\(field.port(of: .federation))", "-tls1_3", "-quiet",
                "-cert", path("certificate.pem"), "-key", path("key.pem"),
            ],
            saying: Wire.bytes(.hello)
        )
    }
}
