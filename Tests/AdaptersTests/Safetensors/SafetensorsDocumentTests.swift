import Foundation
import TestSupport
import Testing

@testable import Adapters

struct SafetensorsDocumentTests {
    @Test(
        "writes the reference library's bytes again",
        .tags(.goldenBytes),
        arguments: [
            "safetensors/floats.safetensors", "safetensors/names.safetensors",
            "peft/plain/adapter_model.safetensors", "peft/bf16-head/adapter_model.safetensors",
            "peft/patterns/adapter_model.safetensors",
        ]
    )
    func rewrites(_ path: String) throws {
        let bytes = try Fixture.bytes(path)
        let file = try SafetensorsFile(bytes: bytes, source: path)
        // Hand the tensors over in another order than the file's.
        let tensors = try file.tensors.reversed().map { tensor in
            SafetensorsDocument.Tensor(
                name: tensor.name,
                shape: tensor.shape,
                elements: try file.floats(of: tensor),
                elementType: tensor.elementType
            )
        }
        var document = SafetensorsDocument(tensors, metadata: file.header.metadata)
        if path.hasSuffix("floats.safetensors") {
            // Doubles lose digits in floats: compare without them.
            let kept = tensors.filter { $0.elementType != .f64 }
            document = SafetensorsDocument(kept, metadata: file.header.metadata)
            let reread = try SafetensorsFile(bytes: document.bytes(), source: "again")
            #expect(reread.tensors.map(\.name) == file.tensors.map(\.name).filter { $0 != "f64" })
            for tensor in reread.tensors {
                #expect(try reread.floats(of: tensor) == file.floats(of: #require(file.header[tensor.name])))
            }
        } else {
            #expect(document.bytes() == bytes)
        }
    }

    @Test("hands out the same bytes in pieces")
    func pieces() throws {
        let document = SafetensorsDocument([
            .init(name: "a", shape: [2], elements: [1, 2]),
            .init(name: "b", shape: [3], elements: [1, 2, 3], elementType: .bf16),
        ])
        var bytes: [UInt8] = []
        document.forEachPiece { bytes += $0 }
        #expect(bytes == document.bytes())
        #expect(bytes.count == document.byteCount)
    }

    struct Rounding: Sendable, CustomTestStringConvertible {
        let value: Float
        let pattern: UInt16
        var testDescription: String { "\(value)" }
    }

    @Test(
        "rounds to bfloat16 to nearest, ties to even, and keeps NaN",
        arguments: [
            Rounding(value: 1, pattern: 0x3F80),
            // Halfway between 0x3F80 and 0x3F81, and between 0x3F81 and 0x3F82: to the even one.
            Rounding(value: Float(bitPattern: 0x3F80_8000), pattern: 0x3F80),
            Rounding(value: Float(bitPattern: 0x3F81_8000), pattern: 0x3F82),
            Rounding(value: Float(bitPattern: 0x3F80_8001), pattern: 0x3F81),
            Rounding(value: -.infinity, pattern: 0xFF80),
            Rounding(value: .greatestFiniteMagnitude, pattern: 0x7F80),
            Rounding(value: Float(bitPattern: 0x7F80_0001), pattern: 0x7FC0),
        ]
    )
    func bfloat16(_ rounding: Rounding) {
        let document = SafetensorsDocument([
            .init(name: "x", shape: [], elements: [rounding.value], elementType: .bf16)
        ])
        let bytes = document.bytes().suffix(2)
        #expect(bytes.elementsEqual([UInt8(rounding.pattern & 0xFF), UInt8(rounding.pattern >> 8)]))
    }
}
