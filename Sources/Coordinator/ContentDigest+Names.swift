import FederatedLearning
import Transport
import WireProtocol

// The same 32 bytes go by three names: what a round calls a digest, what the wire calls one, and what a certificate's is.
// Each is written in 64 lower-case hexadecimal digits, so none of these can fail.

extension ContentDigest {
    init(_ digest: PayloadDigest) {
        self.init(unchecked: digest.hexadecimal)
    }

    init(_ fingerprint: CertificateFingerprint) {
        self.init(unchecked: fingerprint.description)
    }

    private init(unchecked hexadecimal: String) {
        guard let digest = ContentDigest(hexadecimal: hexadecimal) else {
            preconditionFailure("'\(hexadecimal)' is not 64 lower-case hexadecimal digits")
        }
        self = digest
    }
}

extension PayloadDigest {
    init(_ digest: ContentDigest) {
        guard let payload = PayloadDigest(hexadecimal: digest.hexadecimal) else {
            preconditionFailure("'\(digest)' is not 64 lower-case hexadecimal digits")
        }
        self = payload
    }
}
