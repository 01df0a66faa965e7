import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

struct SafetensorsHeaderTests {
    private struct Verdict: Decodable {
        let name: String
        let bytes: Data
        let accepted: Bool
    }

    @Test("accepts and refuses what the reference library does, and is stricter where we say so", .tags(.goldenBytes))
    func verdicts() throws {
        for verdict in try Fixture.decode([Verdict].self, from: "verdicts.json") {
            let isAccepted = (try? header(of: [UInt8](verdict.bytes))) != nil
            #expect(isAccepted == verdict.accepted, "\(verdict.name)")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        let header: String
        var data: [UInt8] = [0, 0, 0x80, 0x3F]
        let flaw: SafetensorsFlaw

        var testDescription: String { name }
    }

    @Test(
        "says exactly what is wrong",
        arguments: [
            Refusal(
                name: "twice",
                header: """
                    {"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},\
                    "a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}
                    """,
                flaw: .duplicateName("a")
            ),
            Refusal(
                name: "notes twice",
                header: #"{"__metadata__":{},"__metadata__":{}}"#,
                flaw: .duplicateName("__metadata__")
            ),
            Refusal(
                name: "a note twice",
                header: #"{"__metadata__":{"k":"","l":"","k":""}}"#,
                flaw: .duplicateName("k")
            ),
            Refusal(
                name: "type",
                header: #"{"a":{"dtype":"F31","shape":[],"data_offsets":[0,4]}}"#,
                flaw: .unknownElementType(tensor: "a", type: "F31")
            ),
            Refusal(
                name: "missing field",
                header: #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#,
                flaw: .missingField(tensor: "a", field: "shape")
            ),
            Refusal(
                name: "no type",
                header: #"{"a":{}}"#,
                flaw: .missingField(tensor: "a", field: "dtype")
            ),
            Refusal(
                name: "no place",
                header: #"{"a":{"shape":[],"dtype":"F32"}}"#,
                flaw: .missingField(tensor: "a", field: "data_offsets")
            ),
            Refusal(
                name: "unknown field",
                header: #"{"a":{"type":"F32"}}"#,
                flaw: .unexpectedField(tensor: "a", field: "type")
            ),
            Refusal(
                name: "fraction",
                header: #"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
                flaw: .invalidJSON(JSONFlaw(offset: 37, reason: .notACount))
            ),
            Refusal(
                name: "size",
                header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
                flaw: .sizeMismatch(tensor: "a", needed: 8, found: 4)
            ),
            Refusal(
                name: "overflow",
                header: #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                flaw: .sizeOverflow(tensor: "a")
            ),
            Refusal(
                name: "gap",
                header: #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#,
                flaw: .gap(tensor: "a", byteCount: 3)
            ),
            Refusal(
                name: "overlap",
                header: """
                    {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},\
                    "b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}
                    """,
                flaw: .overlap(tensor: "b")
            ),
            Refusal(
                name: "reversed",
                header: #"{"a":{"dtype":"F32","shape":[],"data_offsets":[4,0]}}"#,
                flaw: .reversedRange(tensor: "a")
            ),
            Refusal(
                name: "beyond the end",
                header: #"{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}"#,
                flaw: .dataBeyondEnd(tensor: "a", missing: 4)
            ),
            Refusal(
                name: "overflow of bits",
                header: #"{"a":{"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,4]}}"#,
                flaw: .sizeOverflow(tensor: "a")
            ),
            Refusal(
                name: "trailing",
                header: #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
                flaw: .trailingBytes(count: 3)
            ),
            Refusal(
                name: "half a byte",
                header: #"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#,
                flaw: .partialByte(tensor: "a")
            ),
            Refusal(
                name: "nothing behind a brace",
                header: "{",
                flaw: .invalidJSON(JSONFlaw(offset: 9, reason: .unexpectedEnd))
            ),
            Refusal(
                name: "NUL padding",
                header: "{}\0\0",
                flaw: .invalidJSON(JSONFlaw(offset: 10, reason: .bytesAfterTheEnd))
            ),
            Refusal(
                name: "note that is no text",
                header: #"{"__metadata__":{"k":null}}"#,
                flaw: .invalidJSON(JSONFlaw(offset: 29, reason: .unexpectedByte(UInt8(ascii: "n"))))
            ),
            Refusal(
                name: "notes",
                header: #"{"__metadata__":{\#((0...10_000).map { #""\#($0)":"""# }.joined(separator: ","))}}"#,
                flaw: .tooManyNotes(limit: 10_000)
            ),
            Refusal(
                name: "dimensions",
                header: #"{"a":{"dtype":"F32","shape":[\#(repeatElement("1", count: 33).joined(separator: ","))]}}"#,
                flaw: .tooManyDimensions(tensor: "a", limit: 32)
            ),
        ]
    )
    func flaws(_ refusal: Refusal) {
        #expect(throws: refusal.flaw) {
            try header(of: file(refusal.header, data: refusal.data))
        }
    }

    @Test("refuses lengths that the file or the limit does not have, before it reads anything")
    func lengths() {
        #expect(throws: SafetensorsFlaw.missingLength(byteCount: 7)) {
            try header(of: [UInt8](repeating: 0, count: 7))
        }
        let claimed = (0..<8).map { _ in UInt8.max }
        #expect(throws: SafetensorsFlaw.headerTooLong(claimed: .max, limit: 100_000_000)) {
            try header(of: claimed + Array("{}".utf8))
        }
        #expect(throws: SafetensorsFlaw.headerBeyondEnd(claimed: 3, available: 2)) {
            try header(of: [3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
        }
    }

    @Test("refuses a payload's header by its length, and its tensors by their number")
    func payloadLimits() {
        let long = file("{}" + String(repeating: " ", count: 1024 + 256 * 8192))
        #expect(throws: SafetensorsFlaw.headerTooLong(claimed: 2_098_178, limit: 2_098_176)) {
            try header(of: long, limits: .payload)
        }
        let many = (0...8192).map { #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"# }
        #expect(throws: SafetensorsFlaw.tooManyTensors(limit: 8192)) {
            try header(of: file("{\(many.joined(separator: ","))}"), limits: .payload)
        }
        #expect(throws: Never.self) {
            try header(of: file("{\(many.dropLast().joined(separator: ","))}"), limits: .payload)
        }
    }

    /// 126 layers of seven matrices: two factors each, and two of what is folded in.
    @Test("takes the payload of a model of 405 billion parameters with everything that a strategy adds")
    func largestPayload() throws {
        let names = (0..<126).flatMap { layer in
            (0..<7).flatMap { matrix in
                ["lora_A", "lora_B", "residual_A", "residual_B"].map { factor in
                    "base_model.model.model.layers.\(layer).mlp.projection\(matrix).\(factor).weight"
                }
            }
        }
        let tensors = names.map { #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"# }
        let found = try header(of: file("{\(tensors.joined(separator: ","))}"), limits: .payload)
        #expect(found.tensors.count == 3528)
    }

    @Test("reads the header from the beginning of a file whose length is known")
    func beginning() throws {
        let bytes = try Fixture.bytes("peft/plain/adapter_model.safetensors")
        let whole = try header(of: bytes)
        let first = bytes.prefix(whole.byteCount + 100)
        let partial = try SafetensorsHeader(parsing: Array(first).span, fileByteCount: bytes.count)
        #expect(partial == whole)
    }

    @Test("never traps on a file that is cut short at any byte, and refuses it")
    func truncation() throws {
        let bytes = try Fixture.bytes("peft/head/adapter_model.safetensors")
        for count in 0..<bytes.count {
            #expect(throws: SafetensorsFlaw.self) { try header(of: Array(bytes.prefix(count))) }
        }
    }

    @Test("never traps on any flipped bit of the header, and reads only what is sound")
    func flippedBits() throws {
        let bytes = try Fixture.bytes("peft/head/adapter_model.safetensors")
        let length = try header(of: bytes).byteCount
        for index in 0..<length {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                // Most are refused; those that only rename something still have to read as an adapter or be refused.
                guard let file = try? SafetensorsFile(bytes: damaged, source: "damaged") else { continue }
                #expect(file.tensors.last?.range.upperBound == bytes.count)
                _ = try? AdapterPayload.adapter(from: file, scale: .init(rank: 2, alpha: 4))
            }
        }
    }

    @Test("never traps on bytes replaced at random")
    func randomBytes() throws {
        let bytes = try Fixture.bytes("safetensors/types.safetensors")
        let length = try header(of: bytes).byteCount
        var generator = CounterGenerator(seed: 5)
        let interesting = Array(#"{}[]",:0123456789eE+-.\ut"#.utf8) + [0, 0x80, 0xC0, 0xED, 0xFF]
        for _ in 0..<20_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                damaged[Int.random(in: 0..<length, using: &generator)] =
                    interesting.randomElement(using: &generator) ?? 0
            }
            guard let header = try? header(of: damaged) else { continue }
            #expect(header.tensors.reduce(0) { $0 + $1.range.count } == bytes.count - header.byteCount)
        }
    }

    @Test("does not recurse: a header of a million brackets costs its length")
    func deepNesting() {
        let brackets = String(repeating: "[", count: 1_000_000)
        #expect(throws: SafetensorsFlaw.invalidJSON(JSONFlaw(offset: 8, reason: .unexpectedByte(0x5B)))) {
            try header(of: file(brackets))
        }
        let inShape = #"{"a":{"shape":"# + brackets
        #expect(throws: SafetensorsFlaw.self) { try header(of: file(inShape)) }
    }

    @Test("shows names from outside printable and at bounded length")
    func quoting() {
        let flaw = SafetensorsFlaw.duplicateName("a\u{1B}[31m\n" + String(repeating: "x", count: 5000))
        #expect(flaw.description.count < 200)
        #expect(flaw.description.contains("'a\\u{1b}[31m\\u{a}xxx"))
    }
}

@discardableResult
private func header(of bytes: [UInt8], limits: SafetensorsLimits = .file) throws(SafetensorsFlaw) -> SafetensorsHeader {
    try SafetensorsHeader(parsing: bytes.span, limits: limits)
}

/// A file with the given header, whatever it says.
private func file(_ header: String, data: [UInt8] = []) -> [UInt8] {
    let text = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + data
}
