/// A certificate or key that cannot be used.
package enum CredentialError: Error, Sendable, Equatable {
    case unreadable(file: String, reason: String)
    case notWritable(file: String, reason: String)
    /// Others than the owner can read or write a private key.
    case keyExposed(file: String, permissions: String)
    /// The content is not a certificate, or not a P-256 key.
    case malformed(what: String, reason: String)
    /// The certificate is for another key.
    case keyMismatch(certificate: String)
    /// The certificate was not issued by this authority.
    case foreignAuthority(certificate: String)
    /// The certificate does not say what a certificate of this kind has to say.
    case wrongProfile(certificate: String, reason: String)
    case invalidName(String)
    case invalidHost(String)
    /// A certificate request whose signature does not fit its key.
    case noProofOfPossession
}

extension CredentialError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "'\(file)' cannot be read: \(reason). Check the path and its permissions."
        case .notWritable(let file, let reason):
            "'\(file)' cannot be written: \(reason). Check the folder's permissions and the free space."
        case .keyExposed(let file, let permissions):
            "The private key '\(file)' has permissions \(permissions), so others can use it. Run `chmod 600 '\(file)'`, "
                + "and make a new key if it was readable for long."
        case .malformed(let what, let reason):
            "\(what) cannot be used: \(reason). Issue it anew."
        case .keyMismatch(let certificate):
            "\(certificate) belongs to another private key. Put the certificate and the key of the same enrolment together."
        case .foreignAuthority(let certificate):
            "\(certificate) was not issued by this federation's authority. Enrol again with a new join string."
        case .wrongProfile(let certificate, let reason):
            "\(certificate) does not fit its role: \(reason). Issue it anew with this program."
        case .invalidName(let name):
            "'\(name)' cannot be a client's name. Use 1 to 64 of a–z, 0–9, '-', '.' and '_', beginning with a letter or digit."
        case .invalidHost(let host):
            "'\(host)' is neither a host name nor an IP address. Give the names under which clients reach the server."
        case .noProofOfPossession:
            "A certificate request is not signed by its own key. Make the request with the key that it names."
        }
    }
}
