import Foundation
import TestSupport
import Testing

@testable import Adapters

struct SafetensorsFileTests {
    @Test("converts every floating-point type exactly, mapped and in memory", .tags(.numerics))
    func conversions() throws {
        let path = "safetensors/floats.safetensors"
        let files = [
            try SafetensorsFile(path: Fixture.url(path).path),
            try SafetensorsFile(bytes: Fixture.bytes(path), source: "memory"),
        ]
        for file in files {
            func floats(_ name: String) throws -> [Float] { try file.floats(of: #require(file.header[name])) }
            #expect(try floats("f32") == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
            #expect(try floats("bf16") == [1, -0.0, 3.140625, .infinity])
            #expect(try floats("bf16")[1].sign == .minus)
            // 6e-8 rounds to the smallest half, 2⁻²⁴.
            #expect(try floats("f16") == [1, 0x1p-24, 65504, -2])
            #expect(try floats("f64") == [0.1, 1e-3, -7])
            #expect(try floats("scalar") == [2.5])
            #expect(try floats("a") == [])
            #expect(file.header["scalar"]?.shape == [])
            #expect(file.header["a"]?.shape == [0, 4])
            #expect(file.header.metadata == ["format": "pt"])
        }
    }

    @Test("lends 32-bit floats and conversions alike")
    func lending() throws {
        let file = try SafetensorsFile(path: Fixture.url("safetensors/floats.safetensors").path)
        for name in ["f32", "bf16", "f64", "a"] {
            let tensor = try #require(file.header[name])
            let lent = try file.withFloats(of: tensor) { span in span.indices.map { span[$0] } }
            #expect(try lent == file.floats(of: tensor), "\(name)")
        }
    }

    @Test("reads floats at odd offsets")
    func misalignment() throws {
        let header = """
            {"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}
            """
        let data: [UInt8] = [7, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0]
        let bytes = [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + data
        let file = try SafetensorsFile(bytes: bytes, source: "odd")
        #expect(try file.floats(of: #require(file.header["f"])) == [1, -2.5])
    }

    @Test("refuses to read integers as floats, and says which tensor")
    func integers() throws {
        let file = try SafetensorsFile(path: Fixture.url("safetensors/types.safetensors").path)
        #expect(file.tensors.count == 16)
        for tensor in file.tensors where !tensor.elementType.isReadableAsFloat {
            let error = AdapterError.unsupportedElementType(
                tensor: tensor.name,
                type: tensor.elementType,
                source: file.source
            )
            #expect(throws: error) { try file.floats(of: tensor) }
        }
    }

    @Test("says what is wrong with a file that is missing, a folder or no safetensors file")
    func failures() throws {
        let folder = Fixture.url("peft/plain")
        for path in ["/nowhere/model.safetensors", folder.path] {
            let error = #expect(throws: AdapterError.self) { try SafetensorsFile(path: path) }
            #expect(error?.description.contains("'\(path)' cannot be read") == true)
        }
        let configuration = folder.appendingPathComponent("adapter_config.json").path
        let error = #expect(throws: AdapterError.self) { try SafetensorsFile(path: configuration) }
        #expect(error?.description.contains("is not a safetensors file: its header claims") == true)
    }

    @Test("names its source in messages and not the path, where one is given")
    func source() {
        let error = #expect(throws: AdapterError.self) { try SafetensorsFile(path: "/secret/place", source: "berlin") }
        #expect(error?.description.contains("'berlin' cannot be read") == true)
    }
}
