/// Reads the header of a GGUF file from its beginning on; nothing is taken that is not there.
struct GGUFReader {
    private let source: [UInt8]
    private let path: String
    private(set) var position = 0

    init(bytes: [UInt8], path: String) {
        self.source = bytes
        self.path = path
    }

    func flaw(_ problem: String) -> AdapterError { .malformedGGUF(path: path, problem: problem) }

    // MARK: - Pieces

    mutating func bytes(_ count: Int) throws(AdapterError) -> ArraySlice<UInt8> {
        guard count <= source.count - position else { throw flaw("ends at byte \(source.count), in the middle") }
        defer { position += count }
        return source[position..<position + count]
    }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws(AdapterError) -> Integer {
        try bytes(Integer.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    }

    /// Reads how many things follow, each of at least so many bytes: more cannot be there.
    mutating func count(atLeast size: Int) throws(AdapterError) -> Int {
        let count = try integer(UInt64.self)
        guard let number = Int(exactly: count), number <= (source.count - position) / size else {
            throw flaw("says that \(count) things follow at byte \(position - 8), more than it has room for")
        }
        return number
    }

    mutating func text() throws(AdapterError) -> String {
        let bytes = try bytes(try count(atLeast: 1))
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw flaw("has a text that is not UTF-8 before byte \(position)")
        }
        return text
    }

    // MARK: - Values

    private enum Kind: UInt32 {
        case u8, i8, u16, i16, u32, i32, f32, bool, text, array, u64, i64, f64

        /// How many bytes one takes at least.
        var size: Int {
            switch self {
            case .u8, .i8, .bool: 1
            case .u16, .i16: 2
            case .u32, .i32, .f32: 4
            case .u64, .i64, .f64, .text: 8
            case .array: 12
            }
        }
    }

    private mutating func kind(of name: String) throws(AdapterError) -> Kind {
        let number = try integer(UInt32.self)
        guard let kind = Kind(rawValue: number) else { throw flaw("'\(name)' has a value of unknown type \(number)") }
        return kind
    }

    mutating func value(named name: String) throws(AdapterError) -> GGUFFile.Value {
        let kind = try kind(of: name)
        guard kind == .array else { return try scalar(kind, name) }
        let element = try self.kind(of: name)
        let count = try count(atLeast: element.size)
        switch element {
        case .text:
            var texts: [String] = []
            texts.reserveCapacity(count)
            for _ in 0..<count { texts.append(try text()) }
            return .texts(texts)
        case .f32, .f64:
            var numbers: [Double] = []
            for _ in 0..<count {
                if case .number(let number) = try scalar(element, name) { numbers.append(number) }
            }
            return .numbers(numbers)
        case .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .bool:
            var integers: [Int] = []
            for _ in 0..<count {
                switch try scalar(element, name) {
                case .integer(let integer): integers.append(integer)
                case .flag(let flag): integers.append(flag ? 1 : 0)
                default: break
                }
            }
            return .integers(integers)
        case .array: throw flaw("'\(name)' is a list of lists, which no model needs")
        }
    }

    private mutating func scalar(_ kind: Kind, _ name: String) throws(AdapterError) -> GGUFFile.Value {
        switch kind {
        case .u8: return .integer(Int(try integer(UInt8.self)))
        case .i8: return .integer(Int(try integer(Int8.self)))
        case .u16: return .integer(Int(try integer(UInt16.self)))
        case .i16: return .integer(Int(try integer(Int16.self)))
        case .u32: return .integer(Int(try integer(UInt32.self)))
        case .i32: return .integer(Int(try integer(Int32.self)))
        case .u64:
            let number = try integer(UInt64.self)
            guard let value = Int(exactly: number) else { throw flaw("'\(name)' is \(number), which is too large") }
            return .integer(value)
        case .i64: return .integer(Int(try integer(Int64.self)))
        case .f32: return .number(Double(Float(bitPattern: try integer(UInt32.self))))
        case .f64: return .number(Double(bitPattern: try integer(UInt64.self)))
        case .bool: return .flag(try integer(UInt8.self) != 0)
        case .text: return .text(try text())
        case .array: throw flaw("'\(name)' is a list where one value is needed")
        }
    }

    // MARK: - Tensors

    mutating func outline() throws(AdapterError) -> (name: String, shape: [Int], encoding: GGUFEncoding, offset: Int) {
        let name = try text()
        let dimensionCount = try integer(UInt32.self)
        guard (1...4).contains(dimensionCount) else { throw flaw("'\(name)' has \(dimensionCount) dimensions") }
        var shape: [Int] = []
        for _ in 0..<dimensionCount {
            let size = try integer(UInt64.self)
            guard let number = Int(exactly: size), number > 0 else {
                throw flaw("'\(name)' has a dimension of \(size)")
            }
            shape.insert(number, at: 0)
        }
        let type = try integer(UInt32.self)
        guard let encoding = GGUFEncoding(rawValue: type) else {
            throw .unsupported(
                feature: "the encoding \(type) of tensor '\(name)'",
                path: path,
                advice: "Convert the model to F32, F16, Q8_0 or Q4_1."
            )
        }
        let offset = try integer(UInt64.self)
        guard let start = Int(exactly: offset) else { throw flaw("'\(name)' begins at \(offset)") }
        return (name, shape, encoding, start)
    }
}
