import Foundation

/// Certificate requests that say more than a key: made by OpenSSL, signed by the key that they name.
enum SubjectRequest {
    /// Makes a request in DER for a fresh key of a kind, with a subject of the stranger's choice.
    static func make(
        subject: String,
        key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    ) throws -> Data {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("request-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try OpenSSLTool.run(
            ["req", "-new", "-outform", "DER", "-newkey"] + key
                + ["-nodes", "-keyout", "/dev/null", "-subj", subject, "-out", file.path]
        )
        return try Data(contentsOf: file)
    }
}
