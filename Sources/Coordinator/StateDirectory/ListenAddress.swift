/// Where a listener binds: a host name or address, and a port, of which 0 lets the system choose.
package struct ListenAddress: Hashable, Sendable {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// - Throws: ``CoordinatorError/invalidAddress(_:)``.
    package init(parsing text: String) throws(CoordinatorError) {
        guard let colon = text.lastIndex(of: ":") else { throw .invalidAddress(text) }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw .invalidAddress(text)
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .invalidAddress(text)
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { throw .invalidAddress(text) }
        self.init(host: String(host), port: Int(port))
    }

    /// Whether only programs on this machine can connect.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// Whether this means every interface, which says nothing about what a client should dial.
    package var isWildcard: Bool { host == "0.0.0.0" || host == "::" }

    /// Returns the address `offset` ports further, or `nil` past the last one; a chosen port stays chosen.
    package func advanced(by offset: Int) -> ListenAddress? {
        guard port != 0 else { return self }
        let (next, overflows) = port.addingReportingOverflow(offset)
        return overflows || next > Int(UInt16.max) ? nil : ListenAddress(host: host, port: next)
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension ListenAddress: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(parsing: container.decode(String.self))
        } catch let error as CoordinatorError {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
