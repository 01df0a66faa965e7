/// Writes GGUF files for tests.
struct GGUFBuilder {
    private var values: [UInt8] = []
    private var valueCount: UInt64 = 0
    private var outlines: [UInt8] = []
    private var tensorCount: UInt64 = 0
    private var content: [UInt8] = []

    static func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }

    private mutating func add(_ name: String, type: UInt32, _ bytes: [UInt8]) {
        values += Self.text(name) + Self.little(type) + bytes
        valueCount += 1
    }

    mutating func add(_ name: String, _ value: Int) { add(name, type: 4, Self.little(UInt32(value))) }

    mutating func add(_ name: String, _ value: Float) { add(name, type: 6, Self.little(value.bitPattern)) }

    mutating func add(_ name: String, _ value: String) { add(name, type: 8, Self.text(value)) }

    mutating func add(_ name: String, _ texts: [String]) {
        add(name, type: 9, Self.little(UInt32(8)) + Self.little(UInt64(texts.count)) + texts.flatMap(Self.text))
    }

    mutating func add(_ name: String, _ integers: [Int]) {
        let elements = integers.flatMap { Self.little(Int32($0)) }
        add(name, type: 9, Self.little(UInt32(5)) + Self.little(UInt64(integers.count)) + elements)
    }

    /// Adds a tensor, whose dimensions are stored from the innermost on.
    mutating func add(tensor name: String, dimensions: [Int], type: UInt32, _ bytes: [UInt8]) {
        outlines += Self.text(name) + Self.little(UInt32(dimensions.count))
        outlines += dimensions.flatMap { Self.little(UInt64($0)) } + Self.little(type)
        outlines += Self.little(UInt64(content.count))
        tensorCount += 1
        content += bytes + [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }

    /// Adds a tensor of 32-bit floats.
    mutating func add(tensor name: String, dimensions: [Int], _ elements: [Float]) {
        add(tensor: name, dimensions: dimensions, type: 0, elements.flatMap { Self.little($0.bitPattern) })
    }

    /// The file.
    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + Self.little(UInt32(3)) + Self.little(tensorCount) + Self.little(valueCount)
        bytes += values + outlines
        bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        return bytes + content
    }
}
