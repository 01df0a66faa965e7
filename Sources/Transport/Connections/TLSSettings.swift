import NIOCore
import NIOSSL

/// The one place where TLS is configured: 1.3 and nothing below, the federation's own authority and no other.
enum TLSSettings {
    /// Between members: both sides show a certificate of the authority.
    static func federationServer(_ credentials: Credentials) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeServerConfigurationWithMTLS(
            certificateChain: [try source(credentials.certificate)],
            privateKey: try source(credentials.key),
            trustRoots: .certificates(try credentials.authorities.map(nioCertificate))
        )
        harden(&settings)
        return try NIOSSLContext(configuration: settings)
    }

    static func federationClient(_ credentials: Credentials) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.certificateChain = [try source(credentials.certificate)]
        settings.privateKey = try source(credentials.key)
        settings.trustRoots = .certificates(try credentials.authorities.map(nioCertificate))
        harden(&settings)
        return try NIOSSLContext(configuration: settings)
    }

    /// Towards strangers: the server shows its certificate and the authority's, because the stranger has only a fingerprint.
    static func enrolmentServer(_ credentials: Credentials) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: [try source(credentials.certificate), try source(credentials.issuer)],
            privateKey: try source(credentials.key)
        )
        harden(&settings)
        return try NIOSSLContext(configuration: settings)
    }

    /// From a stranger: trusts nothing by itself; ``PinnedAuthority`` judges what the server shows.
    static func enrolmentClient() throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.trustRoots = .certificates([])
        harden(&settings)
        return try NIOSSLContext(configuration: settings)
    }

    private static func harden(_ settings: inout TLSConfiguration) {
        settings.minimumTLSVersion = .tlsv13
        settings.maximumTLSVersion = .tlsv13
        settings.renegotiationSupport = .none
        settings.shutdownTimeout = .seconds(2)
    }

    private static func nioCertificate(_ certificate: NodeCertificate) throws -> NIOSSLCertificate {
        try NIOSSLCertificate(bytes: certificate.bytes, format: .der)
    }

    private static func source(_ certificate: NodeCertificate) throws -> NIOSSLCertificateSource {
        .certificate(try nioCertificate(certificate))
    }

    private static func source(_ key: NodeKey) throws -> NIOSSLPrivateKeySource {
        .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pem.utf8), format: .pem))
    }
}
