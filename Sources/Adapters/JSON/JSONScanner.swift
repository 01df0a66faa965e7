/// The tokens of JSON (RFC 8259), read from bytes that are lent for each call.
///
/// Strict: UTF-8 only, no unescaped control characters, no lone surrogates, numbers by the grammar. It allocates only
/// for the strings it returns and never recurses, so that the cost of a hostile text is its length.
struct JSONScanner {
    /// The next byte to look at.
    private(set) var position = 0

    /// Creates a scanner that starts at `position`.
    init(position: Int = 0) {
        self.position = position
    }

    /// Returns the next byte that is not white space, without consuming it.
    mutating func peek(in bytes: Span<UInt8>) throws(JSONFlaw) -> UInt8 {
        skipWhiteSpace(in: bytes)
        guard position < bytes.count else { throw flaw(.unexpectedEnd) }
        return bytes[position]
    }

    /// Consumes the next byte that is not white space if it is `byte`.
    mutating func consume(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONFlaw) -> Bool {
        guard try peek(in: bytes) == byte else { return false }
        position += 1
        return true
    }

    /// Consumes `byte`, which has to come next.
    mutating func expect(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONFlaw) {
        guard try consume(byte, in: bytes) else { throw flaw(.unexpectedByte(bytes[position])) }
    }

    /// Consumes white space up to the end, where the text has to stop.
    mutating func expectEnd(in bytes: Span<UInt8>) throws(JSONFlaw) {
        skipWhiteSpace(in: bytes)
        guard position == bytes.count else { throw flaw(.bytesAfterTheEnd) }
    }

    /// Consumes what separates the members of an array or object: a comma, or `closing`, after which it returns `false`.
    mutating func continues(until closing: UInt8, in bytes: Span<UInt8>) throws(JSONFlaw) -> Bool {
        if try consume(closing, in: bytes) { return false }
        try expect(.comma, in: bytes)
        return true
    }

    /// Consumes a word such as `null`.
    mutating func expectWord(_ word: StaticString, in bytes: Span<UInt8>) throws(JSONFlaw) {
        for byte in word.description.utf8 {
            guard position < bytes.count else { throw flaw(.unexpectedEnd) }
            guard bytes[position] == byte else { throw flaw(.unexpectedByte(bytes[position])) }
            position += 1
        }
    }

    /// Consumes a string and returns its content.
    mutating func string(in bytes: Span<UInt8>) throws(JSONFlaw) -> String {
        try expect(.quote, in: bytes)
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let content = try text(bytes.extracting(start..<position), at: start)
                position += 1
                return content
            case UInt8(ascii: "\\"):
                return try escapedString(from: start, in: bytes)
            case 0..<0x20:
                throw flaw(.controlCharacter)
            default:
                position += 1
            }
        }
        throw flaw(.unexpectedEnd)
    }

    /// Consumes a number and returns it as written.
    mutating func number(in bytes: Span<UInt8>) throws(JSONFlaw) -> String {
        skipWhiteSpace(in: bytes)
        let start = position
        _ = consumeRaw(UInt8(ascii: "-"), in: bytes)
        if !consumeRaw(UInt8(ascii: "0"), in: bytes) {
            try digits(in: bytes)
        }
        if consumeRaw(UInt8(ascii: "."), in: bytes) {
            try digits(in: bytes)
        }
        if consumeRaw(UInt8(ascii: "e"), in: bytes) || consumeRaw(UInt8(ascii: "E"), in: bytes) {
            if !consumeRaw(UInt8(ascii: "+"), in: bytes) { _ = consumeRaw(UInt8(ascii: "-"), in: bytes) }
            try digits(in: bytes)
        }
        return try text(bytes.extracting(start..<position), at: start)
    }

    /// Consumes a whole number of at least 0, written in digits alone.
    mutating func count(in bytes: Span<UInt8>) throws(JSONFlaw) -> Int {
        skipWhiteSpace(in: bytes)
        let start = position
        var value = 0
        while position < bytes.count, case let byte = bytes[position], UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflows, !carries else { throw JSONFlaw(offset: start, reason: .notACount) }
            value = sum
            position += 1
        }
        let length = position - start
        let hasLeadingZero = length > 1 && bytes[start] == UInt8(ascii: "0")
        let continues =
            position < bytes.count
            && [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
        guard length > 0, !hasLeadingZero, !continues else { throw JSONFlaw(offset: start, reason: .notACount) }
        return value
    }

    /// A flaw at the current position.
    func flaw(_ reason: JSONFlaw.Reason) -> JSONFlaw { JSONFlaw(offset: position, reason: reason) }

    // MARK: - Inside strings and numbers

    private mutating func skipWhiteSpace(in bytes: Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            default: return
            }
        }
    }

    private mutating func consumeRaw(_ byte: UInt8, in bytes: Span<UInt8>) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func digits(in bytes: Span<UInt8>) throws(JSONFlaw) {
        let start = position
        while position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] { position += 1 }
        guard position > start else { throw flaw(.invalidNumber) }
    }

    private func text(_ bytes: Span<UInt8>, at offset: Int) throws(JSONFlaw) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes))
        } catch {
            throw JSONFlaw(offset: offset, reason: .invalidUTF8)
        }
    }

    /// Reads on from the first escape of a string that began at `start`.
    private mutating func escapedString(from start: Int, in bytes: Span<UInt8>) throws(JSONFlaw) -> String {
        var content: [UInt8] = []
        for index in start..<position { content.append(bytes[index]) }
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try text(content.span, at: start)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                content.append(contentsOf: UTF8.encode(try escape(in: bytes)) ?? UTF8.encodedReplacementCharacter)
            case 0..<0x20:
                throw flaw(.controlCharacter)
            default:
                content.append(byte)
                position += 1
            }
        }
        throw flaw(.unexpectedEnd)
    }

    /// Reads what follows a backslash.
    private mutating func escape(in bytes: Span<UInt8>) throws(JSONFlaw) -> Unicode.Scalar {
        guard position < bytes.count else { throw flaw(.unexpectedEnd) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try codeUnit(in: bytes)
            if let scalar = Unicode.Scalar(first) { return scalar }
            // A high surrogate, which the escape of a low one has to follow.
            guard first < 0xDC00, consumeRaw(UInt8(ascii: "\\"), in: bytes), consumeRaw(UInt8(ascii: "u"), in: bytes)
            else {
                throw flaw(.invalidEscape)
            }
            let second = try codeUnit(in: bytes)
            guard 0xDC00...0xDFFF ~= second,
                let scalar = Unicode.Scalar(0x10000 + (UInt32(first - 0xD800) << 10 | UInt32(second - 0xDC00)))
            else { throw flaw(.invalidEscape) }
            return scalar
        default: throw flaw(.invalidEscape)
        }
    }

    /// Reads four hexadecimal digits.
    private mutating func codeUnit(in bytes: Span<UInt8>) throws(JSONFlaw) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw flaw(.unexpectedEnd) }
            let byte = bytes[position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw flaw(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

/// The bytes that JSON is built with.
extension UInt8 {
    static let quote = UInt8(ascii: "\"")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let openingBrace = UInt8(ascii: "{")
    static let closingBrace = UInt8(ascii: "}")
    static let openingBracket = UInt8(ascii: "[")
    static let closingBracket = UInt8(ascii: "]")
}
