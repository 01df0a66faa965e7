import NIOCore
import NIOSSL
import X509

/// Trusts one authority, of which nothing is known but its fingerprint.
///
/// The server sends the authority's certificate behind its own. Only when its SHA-256 is the pinned one is it taken as the root
/// of an ordinary chain validation.
struct PinnedAuthority: Sendable {
    let fingerprint: CertificateFingerprint

    /// Judges the certificates that a server shows; the host is compared afterwards, as for every connection.
    func verify(_ chain: [NIOSSLCertificate], _ verdict: EventLoopPromise<NIOSSLVerificationResult>) {
        let chain = chain.compactMap { try? NodeCertificate(bytes: $0.toDERBytes()) }
        verdict.completeWithTask { await accepts(chain) ? .certificateVerified : .failed }
    }

    /// Whether `chain` leads from its first certificate to the pinned authority.
    func accepts(_ chain: [NodeCertificate]) async -> Bool {
        guard let leaf = chain.first, let authority = chain.first(where: { $0.fingerprint == fingerprint }) else {
            return false
        }
        guard leaf != authority, (try? CertificateAuthority.check(authority)) != nil else { return false }
        var verifier = Verifier(rootCertificates: CertificateStore([authority.certificate])) { RFC5280Policy() }
        let result = await verifier.validate(leaf: leaf.certificate, intermediates: CertificateStore([]))
        guard case .validCertificate = result else { return false }
        return true
    }
}
