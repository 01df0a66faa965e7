import NIOCore
import SwiftASN1
import X509

/// A host as a certificate names it: a DNS name, or an IP address.
struct HostName: Sendable, Hashable {
    private enum Kind: Hashable {
        case name
        /// 4 or 16 bytes in network order.
        case address([UInt8])
    }

    /// The text, without brackets, a final dot or capitals.
    let text: String
    private let kind: Kind

    /// Reads a host name or address.
    ///
    /// - Throws: ``CredentialError/invalidHost(_:)`` when it is neither.
    init(_ host: String) throws(CredentialError) {
        var text = host.lowercased()
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        if let address = try? SocketAddress(ipAddress: text, port: 0), let bytes = address.ipBytes {
            self.kind = .address(bytes)
            self.text = text
            return
        }
        if text.hasSuffix(".") { text.removeLast() }
        guard Self.isName(text) else { throw .invalidHost(host) }
        self.kind = .name
        self.text = text
    }

    /// What goes into the server-name extension: names only, as TLS has it.
    var serverNameIndication: String? {
        if case .name = kind { text } else { nil }
    }

    var generalName: GeneralName {
        switch kind {
        case .name: .dnsName(text)
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    /// Whether a certificate names exactly this host.
    ///
    /// There are no wildcards in a federation.
    func isNamed(by certificate: Certificate) -> Bool {
        let names = try? certificate.extensions.subjectAlternativeNames
        return names?.contains { name in
            switch (name, kind) {
            case (.dnsName(let dnsName), .name): dnsName.lowercased() == text
            case (.ipAddress(let address), .address(let bytes)): Array(address.bytes) == bytes
            default: false
            }
        } ?? false
    }

    private static func isName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, !last.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy {
                    (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-")
                        || $0 == UInt8(ascii: "_")
                }
        }
    }
}

extension SocketAddress {
    /// The IP address in network order: 4 or 16 bytes.
    fileprivate var ipBytes: [UInt8]? {
        guard let text = ipAddress else { return nil }
        switch self {
        case .v4: return Self.bytes(ofIPv4: text)
        case .v6: return Self.bytes(ofIPv6: text)
        case .unixDomainSocket: return nil
        }
    }

    private static func bytes(ofIPv4 text: some StringProtocol) -> [UInt8]? {
        let bytes = text.split(separator: ".").compactMap { UInt8($0) }
        return bytes.count == 4 ? bytes : nil
    }

    /// Expands the canonical text form, which the system has made: groups, at most one `::`, perhaps an IPv4 tail.
    private static func bytes(ofIPv6 text: String) -> [UInt8]? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false).map { half in
            half.split(separator: ":").flatMap { group -> [UInt8] in
                if let tail = bytes(ofIPv4: group) { return tail }
                let value = UInt16(group, radix: 16) ?? 0
                return [UInt8(value >> 8), UInt8(value & 0xff)]
            }
        }
        guard let head = halves.first, let tail = halves.last, halves.count <= 2 else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        let zeros = 16 - head.count - tail.count
        return zeros >= 0 ? head + Array(repeating: 0, count: zeros) + tail : nil
    }
}
