import Foundation
import Testing

@testable import Adapters

@Suite("GGUF files")
struct GGUFFileTests {
    /// A file with a text, a number, a list and one tensor.
    private static func bytes(
        tensor: (dimensions: [Int], type: UInt32, content: [UInt8]) = ([32, 2], 8, Array(repeating: 1, count: 68))
    ) -> [UInt8] {
        var builder = GGUFBuilder()
        builder.add("general.architecture", "llama")
        builder.add("rope", Float(0.5))
        builder.add("tokens", ["a", "é"])
        builder.add(tensor: "w", dimensions: tensor.dimensions, type: tensor.type, tensor.content)
        return builder.bytes
    }

    @Test("reads values and tensors")
    func header() throws {
        let file = try GGUFFile(Self.bytes(), path: "m.gguf")
        #expect(
            file.values == [
                "general.architecture": .text("llama"), "rope": .number(0.5), "tokens": .texts(["a", "é"]),
            ]
        )
        let tensor = try #require(file.tensors["w"])
        #expect(tensor.shape == [2, 32] && tensor.encoding == .q80)
        #expect(file.elements(of: tensor).count == 64)
    }

    @Test("decodes each encoding by its definition")
    func encodings() {
        func half(_ value: Float16) -> [UInt8] { [UInt8(value.bitPattern & 255), UInt8(value.bitPattern >> 8)] }
        #expect(GGUFEncoding.f32.decode([0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0][...]) == [1.5, -2])
        #expect(GGUFEncoding.f16.decode((half(1.5) + half(-2))[...]) == [1.5, -2])
        let signed: [UInt8] = (0..<32).map { UInt8(bitPattern: Int8($0 - 16)) }
        let halves: [Float] = (0..<32).map { Float($0 - 16) / 2 }
        #expect(GGUFEncoding.q80.decode((half(0.5) + signed)[...]) == halves)
        // Byte i holds element i in its low half and element 16 + i in its high one.
        let packed: [UInt8] = (0..<16).map { UInt8($0) | UInt8(15 - $0) << 4 }
        let rising: [Float] = (0..<16).map { Float($0) / 2 - 1 }
        let block: [UInt8] = half(0.5) + half(-1) + packed
        #expect(GGUFEncoding.q41.decode(block[...]) == rising + rising.reversed())
    }

    @Test("says what is wrong with a file that is cut off anywhere, and never traps")
    func truncation() {
        let bytes = Self.bytes()
        // The padding after the last tensor may be missing.
        for length in 0..<bytes.count - 28 {
            let error = #expect(throws: AdapterError.self) { try GGUFFile(Array(bytes[..<length]), path: "m.gguf") }
            #expect(error?.description.hasPrefix("'m.gguf'") == true)
        }
    }

    @Test("survives any byte being replaced")
    func corruption() {
        let bytes = Self.bytes()
        for index in bytes.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var broken = bytes
                broken[index] = value
                guard let file = try? GGUFFile(broken, path: "m.gguf") else { continue }
                for tensor in file.tensors.values { _ = file.elements(of: tensor) }
            }
        }
    }

    @Test("refuses encodings that it does not know, and rows that are no whole blocks")
    func unusable() {
        let unknown = #expect(throws: AdapterError.self) {
            try GGUFFile(Self.bytes(tensor: ([32], 12, [1])), path: "m.gguf")
        }
        #expect(unknown?.description.contains("encoding 12") == true)
        let ragged = #expect(throws: AdapterError.self) {
            try GGUFFile(Self.bytes(tensor: ([31], 8, Array(repeating: 0, count: 34))), path: "m.gguf")
        }
        #expect(ragged?.description.contains("no whole number of blocks") == true)
    }
}
