import Transport

/// Takes the key out of a stranger's request, and reads the bytes as a certificate too.
enum CertificateRequestFuzzing {
    static func run(_ bytes: [UInt8]) {
        _ = try? NodePublicKey(certificateRequest: bytes)
        _ = try? NodeCertificate(bytes: bytes)
    }
}
