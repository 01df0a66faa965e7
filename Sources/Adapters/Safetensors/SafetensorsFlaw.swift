/// Why bytes are not a safetensors file.
package enum SafetensorsFlaw: Error, Equatable {
    /// Fewer bytes than the eight that give the header's length.
    case missingLength(byteCount: Int)
    case headerTooLong(claimed: UInt64, limit: Int)
    case headerBeyondEnd(claimed: UInt64, available: Int)
    case invalidJSON(JSONFlaw)
    case tooManyTensors(limit: Int)
    case tooManyNotes(limit: Int)
    case tooManyDimensions(tensor: String, limit: Int)
    case duplicateName(String)
    case unexpectedField(tensor: String, field: String)
    case missingField(tensor: String, field: String)
    case unknownElementType(tensor: String, type: String)
    /// A range that ends before it begins.
    case reversedRange(tensor: String)
    /// The product of shape and element size is beyond 2⁶³ − 1.
    case sizeOverflow(tensor: String)
    /// Packed elements that do not fill whole bytes.
    case partialByte(tensor: String)
    case sizeMismatch(tensor: String, needed: Int, found: Int)
    /// Bytes before the tensor belong to none.
    case gap(tensor: String, byteCount: Int)
    case overlap(tensor: String)
    case dataBeyondEnd(tensor: String, missing: Int)
    case trailingBytes(count: Int)
}

extension SafetensorsFlaw: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingLength(let byteCount):
            "it has \(byteCount) bytes and not even the length of a header"
        case .headerTooLong(let claimed, let limit):
            "its header claims \(claimed) bytes and at most \(limit) are read"
        case .headerBeyondEnd(let claimed, let available):
            "its header claims \(claimed) bytes but only \(available) follow"
        case .invalidJSON(let flaw):
            "its header is not valid: \(flaw)"
        case .tooManyTensors(let limit):
            "it has more than \(limit) tensors"
        case .tooManyNotes(let limit):
            "it has more than \(limit) notes"
        case .tooManyDimensions(let tensor, let limit):
            "tensor \(quoted(tensor)) has more than \(limit) dimensions"
        case .duplicateName(let name):
            "the name \(quoted(name)) appears twice"
        case .unexpectedField(let tensor, let field):
            "tensor \(quoted(tensor)) has a field \(quoted(field)) that is unknown or repeated"
        case .missingField(let tensor, let field):
            "tensor \(quoted(tensor)) lacks the field \(quoted(field))"
        case .unknownElementType(let tensor, let type):
            "tensor \(quoted(tensor)) has the unknown type \(quoted(type))"
        case .reversedRange(let tensor):
            "the range of tensor \(quoted(tensor)) ends before it begins"
        case .sizeOverflow(let tensor):
            "the shape of tensor \(quoted(tensor)) is too large to count"
        case .partialByte(let tensor):
            "the elements of tensor \(quoted(tensor)) do not fill whole bytes"
        case .sizeMismatch(let tensor, let needed, let found):
            "tensor \(quoted(tensor)) needs \(needed) bytes but its range has \(found)"
        case .gap(let tensor, let byteCount):
            "\(byteCount) bytes before tensor \(quoted(tensor)) belong to no tensor"
        case .overlap(let tensor):
            "tensor \(quoted(tensor)) overlaps the one before it"
        case .dataBeyondEnd(let tensor, let missing):
            "\(missing) bytes of tensor \(quoted(tensor)) are missing at the end"
        case .trailingBytes(let count):
            "\(count) bytes follow its last tensor"
        }
    }
}
