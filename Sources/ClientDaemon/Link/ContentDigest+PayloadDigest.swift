package import FederatedLearning
package import WireProtocol

// The two rows below know a payload's name by different types; both hold any SHA-256, so neither conversion can fail.

extension ContentDigest {
    package init(_ digest: PayloadDigest) {
        guard let same = ContentDigest(hexadecimal: digest.hexadecimal) else {
            preconditionFailure("'\(digest.hexadecimal)' is no SHA-256")
        }
        self = same
    }
}

extension PayloadDigest {
    package init(_ digest: ContentDigest) {
        guard let same = PayloadDigest(hexadecimal: digest.hexadecimal) else {
            preconditionFailure("'\(digest.hexadecimal)' is no SHA-256")
        }
        self = same
    }
}
