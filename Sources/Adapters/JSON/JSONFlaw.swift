/// Where a text stops being JSON, and why.
package struct JSONFlaw: Error, Equatable {
    package enum Reason: Equatable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case invalidUTF8
        case invalidEscape
        case controlCharacter
        case invalidNumber
        /// A count was expected: digits only, no sign, point or exponent, at most 2⁶³ − 1.
        case notACount
        case nestedTooDeeply
        case duplicateKey(String)
        case bytesAfterTheEnd
    }

    /// Where the flaw is, in bytes from the start of the text or file.
    package let offset: Int
    package let reason: Reason

    package init(offset: Int, reason: Reason) {
        self.offset = offset
        self.reason = reason
    }
}

extension JSONFlaw: CustomStringConvertible {
    package var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the text ends too early"
            case .unexpectedByte(let byte): "byte 0x\(String(byte, radix: 16)) does not belong here"
            case .invalidUTF8: "a string is not UTF-8"
            case .invalidEscape: "a string has an invalid escape"
            case .controlCharacter: "a string has an unescaped control character"
            case .invalidNumber: "a number is not written as JSON has it"
            case .notACount: "a whole number of at least 0 is needed"
            case .nestedTooDeeply: "arrays and objects are nested too deeply"
            case .duplicateKey(let key): "the key \(quoted(key)) appears twice"
            case .bytesAfterTheEnd: "more text follows the end"
            }
        return "\(what), at byte \(offset)"
    }
}
