import Foundation
import Testing

@testable import Adapters

struct JSONValueTests {
    @Test("keeps numbers as written and members in their order")
    func literals() throws {
        let value = try parse(#"{"b": 1.50, "a": [1e-05, -0, 12345678901234567890], "c": {}, "d": []}"#)
        let object = try #require(value.object)
        #expect(object.names == ["b", "a", "c", "d"])
        #expect(object["b"] == .number(literal: "1.50"))
        #expect(object["b"]?.double == 1.5)
        #expect(object["b"]?.integer == nil)
        #expect(object["a"] == .array(["1e-05", "-0", "12345678901234567890"].map { .number(literal: $0) }))
    }

    /// The texts are `json.dumps(json.loads(text), indent=2, sort_keys=True)` of Python 3.11.
    @Test("writes as Python does")
    func python() throws {
        let value = try parse(
            #"{"b":[1,2.0],"a":{"é\u007f\n":"\"\\\u0001😀"},"Z":null,"e":[],"o":{},"t":true,"f":false}"#
        )
        let expected = #"""
            {
              "Z": null,
              "a": {
                "\u00e9\u007f\n": "\"\\\u0001\ud83d\ude00"
              },
              "b": [
                1,
                2.0
              ],
              "e": [],
              "f": false,
              "o": {},
              "t": true
            }
            """#
        #expect(value.pythonText == expected)
    }

    struct Flaw: Sendable, CustomTestStringConvertible {
        let text: String
        let reason: JSONFlaw.Reason
        let offset: Int
        var testDescription: String { text }
    }

    @Test(
        "says where a text stops being JSON",
        arguments: [
            Flaw(text: "", reason: .unexpectedEnd, offset: 0),
            Flaw(text: "[1,]", reason: .unexpectedByte(UInt8(ascii: "]")), offset: 3),
            Flaw(text: "[1 2]", reason: .unexpectedByte(UInt8(ascii: "2")), offset: 3),
            Flaw(text: "01", reason: .bytesAfterTheEnd, offset: 1),
            Flaw(text: "-", reason: .invalidNumber, offset: 1),
            Flaw(text: "1.", reason: .invalidNumber, offset: 2),
            Flaw(text: "1e+", reason: .invalidNumber, offset: 3),
            Flaw(text: "NaN", reason: .unexpectedByte(UInt8(ascii: "N")), offset: 0),
            Flaw(text: "tru", reason: .unexpectedEnd, offset: 3),
            Flaw(text: #""\x""#, reason: .invalidEscape, offset: 3),
            Flaw(text: #""\ud800\u0041""#, reason: .invalidEscape, offset: 13),
            Flaw(text: #""\udc00""#, reason: .invalidEscape, offset: 7),
            Flaw(text: "\"a\nb\"", reason: .controlCharacter, offset: 2),
            Flaw(text: #"{"a":1,"a":2}"#, reason: .duplicateKey("a"), offset: 10),
            Flaw(text: "{} x", reason: .bytesAfterTheEnd, offset: 3),
            Flaw(text: String(repeating: "[", count: 100), reason: .nestedTooDeeply, offset: 65),
        ]
    )
    func flaws(_ flaw: Flaw) {
        #expect(throws: JSONFlaw(offset: flaw.offset, reason: flaw.reason)) { try parse(flaw.text) }
    }

    @Test("reads surrogate pairs and refuses bytes that are not UTF-8")
    func strings() throws {
        #expect(try parse(#""\ud83d\ude00\/\b""#) == .string("😀/\u{8}"))
        #expect(throws: JSONFlaw(offset: 1, reason: .invalidUTF8)) {
            try JSONValue(parsing: ([0x22, 0xFF, 0x22] as [UInt8]).span)
        }
    }

    @Test("never traps on any text cut short or any byte replaced")
    func damage() throws {
        let text = Array(#"{"a": [1, -2.5e-3, "x\u00e9\ud83d\ude00\n", true, null], "b": {"c": false}}"#.utf8)
        for count in 0..<text.count {
            #expect(throws: JSONFlaw.self) { try JSONValue(parsing: Array(text.prefix(count)).span) }
        }
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var damaged = text
                damaged[index] = byte
                // Python-compatible text of whatever is still JSON has to be JSON again.
                if let value = try? JSONValue(parsing: damaged.span) {
                    #expect(throws: Never.self) { try parse(value.pythonText) }
                }
            }
        }
    }
}

@discardableResult
private func parse(_ text: String) throws(JSONFlaw) -> JSONValue {
    try JSONValue(parsing: Array(text.utf8).span)
}
