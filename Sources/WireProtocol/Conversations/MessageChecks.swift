/// Bounds on the fields of messages from outside, checked before anybody looks at a value.
///
/// They are about form: how long, how many, whether a number is one. What a value means is judged above.
struct MessageChecks {
    static let longestName = 64
    static let longestText = 256
    static let longestReason = 4096
    static let mostEntries = 64
    static let largestRank: UInt32 = 1 << 16
    /// Two while one takes over from the other, and room for a second change before the first is through.
    static let mostAuthorities = 4
    static let mostLogLines = 64
    static let longestLogLine = 2048

    /// The message's name in `control.proto`, for errors.
    let message: String

    func fail(_ field: String, _ reason: String) -> ProtocolViolation {
        .malformed(message: message, field: field, reason: reason)
    }

    func text(_ text: String, _ field: String, atMost limit: Int = longestText) throws(ProtocolViolation) {
        guard text.utf8.count <= limit else { throw fail(field, "has more than \(limit) bytes") }
    }

    func reason(_ reason: String) throws(ProtocolViolation) {
        try text(reason, "reason", atMost: Self.longestReason)
    }

    func digest(_ bytes: some Collection<UInt8>, _ field: String) throws(ProtocolViolation) -> PayloadDigest {
        guard let digest = PayloadDigest(bytes: bytes) else { throw fail(field, "is not a SHA-256 of 32 bytes") }
        return digest
    }

    func positive(_ number: Double, _ field: String) throws(ProtocolViolation) {
        guard number.isFinite, number > 0 else { throw fail(field, "is not a positive number") }
    }

    func rank(_ rank: UInt32, _ field: String) throws(ProtocolViolation) {
        guard (1...Self.largestRank).contains(rank) else { throw fail(field, "is not in 1...\(Self.largestRank)") }
    }

    func order(_ id: Tributary_V1_OrderID, isPresent: Bool) throws(ProtocolViolation) {
        guard isPresent else { throw fail("id", "is missing") }
        guard !id.job.isEmpty else { throw fail("id.job", "is empty") }
        try text(id.job, "id.job", atMost: Self.longestName)
        guard id.round <= UInt32(Int32.max) else { throw fail("id.round", "exceeds \(Int32.max)") }
        switch id.kind {
        case .train, .evaluate: return
        case .unspecified, .UNRECOGNIZED: throw fail("id.kind", "is neither KIND_TRAIN nor KIND_EVALUATE")
        }
    }

    func tags(_ tags: [String: String]) throws(ProtocolViolation) {
        guard tags.count <= Self.mostEntries else { throw fail("tags", "has more than \(Self.mostEntries) entries") }
        for (key, value) in tags {
            guard !key.isEmpty else { throw fail("tags", "has an entry without a name") }
            try text(key, "tags", atMost: Self.longestName)
            try text(value, "tags")
        }
    }

    func metrics(_ metrics: [String: Double]) throws(ProtocolViolation) {
        guard metrics.count <= Self.mostEntries else {
            throw fail("metrics", "has more than \(Self.mostEntries) entries")
        }
        for name in metrics.keys {
            guard !name.isEmpty else { throw fail("metrics", "has an entry without a name") }
            try text(name, "metrics", atMost: Self.longestName)
        }
    }

    func log(_ message: Tributary_V1_LogLines) throws(ProtocolViolation) {
        guard message.lines.count <= Self.mostLogLines else {
            throw fail("lines", "has more than \(Self.mostLogLines) entries")
        }
        for line in message.lines { try text(line, "lines", atMost: Self.longestLogLine) }
    }

    func certificateRequest(_ request: some Collection<UInt8>) throws(ProtocolViolation) {
        let lengths = 1...EnrolmentSecret.longestCertificateRequest
        guard lengths.contains(request.count) else { throw fail("certificate_request", "has not \(lengths) bytes") }
    }

    func renewal(_ response: Tributary_V1_RenewalResponse) throws(ProtocolViolation) {
        try reason(response.reason)
        guard response.accepted else { return }
        guard !response.certificate.isEmpty else { throw fail("certificate", "is empty") }
        try authorities(response.authorities, "authorities", in: 1...Self.mostAuthorities)
    }

    func authorities<Bytes: Collection>(
        _ authorities: [Bytes],
        _ field: String,
        in counts: ClosedRange<Int>
    ) throws(ProtocolViolation) {
        guard counts.contains(authorities.count) else { throw fail(field, "has not \(counts) entries") }
        guard authorities.allSatisfy({ !$0.isEmpty }) else { throw fail(field, "has an empty entry") }
    }

    /// Checks a reference to a payload and returns what it names.
    func adapter(
        _ adapter: Tributary_V1_AdapterReference,
        isPresent: Bool,
        payloadLimit: UInt64
    ) throws(ProtocolViolation) -> PayloadDigest {
        guard isPresent else { throw fail("adapter", "is missing") }
        let digest = try digest(adapter.sha256, "adapter.sha256")
        guard adapter.byteCount > 0 else { throw fail("adapter.byte_count", "is zero") }
        guard adapter.byteCount <= payloadLimit else {
            throw .payloadTooLarge(byteCount: adapter.byteCount, limit: payloadLimit)
        }
        try rank(adapter.rank, "adapter.rank")
        try positive(adapter.alpha, "adapter.alpha")
        return digest
    }
}
