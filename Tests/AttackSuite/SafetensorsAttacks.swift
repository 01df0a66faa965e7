import FederationHarness

/// Files that look like adapters: uploaded in a round, whole and under their true digest, and judged by the reader.
enum SafetensorsAttacks {
    static let all: [Attack] = lengths + texts + numbers + fields + ranges + names + programs

    // MARK: - Making them

    /// Offers what `forge` makes of the file that was handed out.
    private static func file(
        _ name: String,
        _ reason: String,
        _ threat: Threat = .safetensors,
        _ forge: @Sendable @escaping (SafetensorsText) -> [UInt8]
    ) -> Attack {
        Attack(
            "safetensors/\(name)",
            threat,
            .offers(Offering(payload: { handed, _ in forge(SafetensorsText(handed)) })),
            .rejected(reason)
        )
    }

    /// Offers the file with a header that `change` has changed.
    private static func header(
        _ name: String,
        _ reason: String,
        _ change: @Sendable @escaping (inout SafetensorsText) -> Void
    ) -> Attack {
        file(name, reason) { text in
            var text = text
            change(&text)
            return text.bytes()
        }
    }

    /// Offers the file with the first occurrence of a text replaced.
    private static func swap(_ name: String, _ text: String, _ other: String, _ reason: String) -> Attack {
        header(name, reason) { $0.replace(text, with: other) }
    }

    /// A tensor of bytes that lies behind all others.
    private static func tensor(_ name: String, shape: String, from begin: String, to end: String) -> String {
        #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    // MARK: - Lengths

    private static let lengths: [Attack] = [
        file("has-7-bytes", "not even the length") { _ in [1, 0, 0, 0, 0, 0, 0] },
        file("has-a-byte", "not even the length") { _ in [0x7B] },
        file("claims-a-header-of-2-to-the-64", "at most") { $0.bytes(claiming: .max) },
        file("claims-a-header-of-2-to-the-63", "at most") { $0.bytes(claiming: 1 << 63) },
        file("claims-a-header-of-2-gib", "at most") { $0.bytes(claiming: 1 << 31) },
        file("claims-a-header-of-four-mebibytes", "at most") { $0.bytes(claiming: 4 << 20) },
        file("claims-a-header-beyond-its-end", "follow") {
            $0.bytes(claiming: UInt64($0.json.utf8.count + $0.end + 1))
        },
        file("has-no-header", "ends too early") { SafetensorsText.bytes(header: [], $0.data) },
        file("is-nothing-but-a-header", "missing at the end") { SafetensorsText(json: $0.json).bytes() },
        file("lacks-its-last-byte", "missing at the end") { Array($0.bytes().dropLast()) },
        file("has-a-byte-too-many", "follow its last tensor") { $0.bytes() + [0] },
        file("has-sixty-thousand-bytes-too-many", "follow its last tensor") {
            $0.bytes() + [UInt8](repeating: 0, count: 60_000)
        },
        file("has-no-tensors", "no low-rank factors") { _ in SafetensorsText(json: "{}").bytes() },
        file("has-notes-and-no-tensors", "no low-rank factors") { _ in
            SafetensorsText(json: #"{"__metadata__":{"format":"pt"}}"#).bytes()
        },
    ]

    // MARK: - Texts

    private static let texts: [Attack] = [
        header("header-is-a-list", "does not belong") { $0.json = "[]" },
        header("header-is-a-word", "does not belong") { $0.json = "true" },
        header("header-is-prose", "does not belong") { $0.json = "once upon a time" },
        header("header-has-no-end", "ends too early") {
            $0.json.removeLast($0.json.reversed().prefix { $0 != "}" }.count + 1)
        },
        header("header-goes-on-after-its-end", "follows the end") { $0.json += "{}" },
        header("header-nests-thirty-thousand-lists", "does not belong") {
            $0.prepend(#""x":\#(String(repeating: "[", count: 30_000))"#)
        },
        header("header-nests-ten-thousand-objects", "has a field") {
            $0.prepend(#""x":\#(String(repeating: #"{"a":"#, count: 10_000))"#)
        },
        header("header-begins-with-a-byte-order-mark", "does not belong") { $0.json = "\u{FEFF}" + $0.json },
        header("header-is-padded-with-nul", "follows the end") { $0.json += "\u{0}\u{0}" },
        header("header-has-a-comment", "does not belong") { $0.json = "{/* pt */" + $0.json.dropFirst() },
        header("header-has-a-comma-too-many", "does not belong") { $0.json = "{," + $0.json.dropFirst() },
        header("header-has-single-quotes", "does not belong") { $0.json = $0.json.replacing("\"", with: "'") },
        header("name-has-a-lone-surrogate", "invalid escape") { $0.prepend(#""\ud800":1"#) },
        header("name-has-half-an-escape", "invalid escape") { $0.prepend(#""\u12":1"#) },
        header("name-has-a-newline", "control character") { $0.prepend("\"a\nb\":1") },
        file("name-is-not-utf-8", "not UTF-8") { text in
            SafetensorsText.bytes(header: Array("{\"".utf8) + [0xC3, 0x28] + Array("\":1}".utf8), text.data)
        },
        header("notes-hold-nan", "does not belong") { $0.replace(#"{"format":"pt"}"#, with: #"{"format":NaN}"#) },
        header("notes-hold-a-number", "does not belong") { $0.replace(#"{"format":"pt"}"#, with: #"{"format":1}"#) },
        header("notes-hold-notes", "does not belong") { $0.replace(#"{"format":"pt"}"#, with: #"{"format":{}}"#) },
        header("notes-are-a-list", "does not belong") { $0.replace(#"{"format":"pt"}"#, with: "[]") },
        header("notes-come-twice", "appears twice") { $0.prepend(#""__metadata__":{}"#) },
        header("notes-are-17", "more than 16 notes") { text in
            let notes = (0..<17).map { #""n\#($0)":"x""# }.joined(separator: ",")
            text.replace(#"{"format":"pt"}"#, with: "{\(notes)}")
        },
        header("notes-repeat-a-key", "appears twice") {
            $0.replace(#"{"format":"pt"}"#, with: #"{"format":"pt","format":"pt"}"#)
        },
    ]

    // MARK: - Numbers

    private static func number(_ name: String, _ text: String, _ reason: String = "whole number") -> Attack {
        swap("number-\(name)", #""data_offsets":[0,"#, #""data_offsets":[\#(text),"#, reason)
    }

    private static let numbers: [Attack] = [
        number("is-negative", "-1"), number("has-a-point", "0.0"), number("has-an-exponent", "0e0"),
        number("has-a-leading-zero", "00"), number("has-a-plus", "+0"),
        number("is-hexadecimal", "0x0", "does not belong"),
        number("is-a-text", "\"0\""), number("is-null", "null"), number("is-infinite", "Infinity"),
        number("is-2-to-the-63", "9223372036854775808"), number("is-2-to-the-64", "18446744073709551616"),
        number("is-2-to-the-63-less-1", "9223372036854775807", "belong to no tensor"),
        number("has-a-thousand-digits", String(repeating: "9", count: 1000)),
    ]

    // MARK: - Fields

    private static let fields: [Attack] = [
        swap("type-is-unknown", #""dtype":"F32""#, #""dtype":"F33""#, "unknown type"),
        swap("type-is-in-small-letters", #""dtype":"F32""#, #""dtype":"f32""#, "unknown type"),
        swap("type-is-a-path", #""dtype":"F32""#, #""dtype":"../../etc/passwd""#, "unknown type"),
        swap("type-is-a-number", #""dtype":"F32""#, #""dtype":32"#, "does not belong"),
        swap("type-is-whole-numbers", #""dtype":"F32""#, #""dtype":"I32""#, "has type I32"),
        swap("type-is-half-as-wide", #""dtype":"F32""#, #""dtype":"BF16""#, "needs"),
        swap("type-is-twice-as-wide", #""dtype":"F32""#, #""dtype":"F64""#, "needs"),
        swap("type-is-half-a-byte", #""dtype":"F32""#, #""dtype":"F4""#, "needs"),
        swap("type-comes-twice", #""dtype":"F32""#, #""dtype":"F32","dtype":"F32""#, "unknown or repeated"),
        swap("type-is-missing", #""dtype":"F32","#, "", "lacks the field"),
        swap("has-a-field-of-its-own", #""dtype":"F32""#, #""dtype":"F32","code":"os.system""#, "unknown or repeated"),
        header("shape-overflows", "too large to count") {
            $0.prepend(tensor("x", shape: "[4294967296,4294967296,4294967296]", from: "\($0.end)", to: "\($0.end)"))
        },
        header("shape-overflows-by-its-type", "too large to count") {
            $0.prepend(tensor("x", shape: "[9223372036854775807]", from: "\($0.end)", to: "\($0.end)"))
        },
        header("shape-has-nine-dimensions", "more than 8 dimensions") {
            $0.prepend(tensor("x", shape: "[1,1,1,1,1,1,1,1,1]", from: "\($0.end)", to: "\($0.end + 4)"))
        },
        header("shape-does-not-fit-its-range", "needs") {
            $0.prepend(tensor("x", shape: "[2]", from: "\($0.end)", to: "\($0.end + 4)"))
        },
    ]

    // MARK: - Ranges

    private static let ranges: [Attack] = [
        header("ranges-leave-a-hole", "belong to no tensor") { text in
            text.prepend(tensor("x", shape: "[1]", from: "\(text.end + 4)", to: "\(text.end + 8)"))
            text.data += [UInt8](repeating: 0, count: 8)
        },
        header("ranges-overlap", "overlaps") { $0.prepend(tensor("x", shape: "[1]", from: "0", to: "4")) },
        header("ranges-are-reversed", "ends before it begins") {
            $0.prepend(tensor("x", shape: "[1]", from: "\($0.end + 4)", to: "\($0.end)"))
        },
        header("ranges-go-beyond-the-end", "missing at the end") {
            $0.prepend(tensor("x", shape: "[1]", from: "\($0.end)", to: "\($0.end + 4)"))
        },
        header("ranges-claim-256-tebibytes", "missing at the end") {
            $0.prepend(
                tensor("x", shape: "[70368744177664]", from: "\($0.end)", to: "\($0.end + (1 << 48))")
            )
        },
    ]

    // MARK: - Names

    private static let names: [Attack] = [
        header("names-are-a-path", "not named as PEFT") { text in
            text.prepend(tensor("../../../../etc/passwd", shape: "[1]", from: "\(text.end)", to: "\(text.end + 4)"))
            text.data += [0, 0, 0, 0]
        },
        header("names-hold-a-nul", "not named as PEFT") { text in
            text.prepend(tensor(#"a\u0000b"#, shape: "[1]", from: "\(text.end)", to: "\(text.end + 4)"))
            text.data += [0, 0, 0, 0]
        },
        header("names-are-empty", "not named as PEFT") { text in
            text.prepend(tensor("", shape: "[1]", from: "\(text.end)", to: "\(text.end + 4)"))
            text.data += [0, 0, 0, 0]
        },
        header("names-are-fifty-kibibytes-long", "not named as PEFT") { text in
            let name = String(repeating: "x", count: 50_000)
            text.prepend(tensor(name, shape: "[1]", from: "\(text.end)", to: "\(text.end + 4)"))
            text.data += [0, 0, 0, 0]
        },
        header("names-repeat", "appears twice") { text in
            text.prepend(tensor("x", shape: "[0]", from: "0", to: "0"))
            text.prepend(tensor("x", shape: "[0]", from: "0", to: "0"))
        },
        header("names-repeat-in-disguise", "appears twice") { text in
            text.prepend(tensor("x", shape: "[0]", from: "0", to: "0"))
            text.prepend(tensor(#"\u0078"#, shape: "[0]", from: "0", to: "0"))
        },
        header("names-are-a-thousand-empty-tensors", "not named as PEFT") { text in
            text.prepend((0..<1000).map { tensor("\($0)", shape: "[0]", from: "0", to: "0") }.joined(separator: ","))
        },
        Attack(
            "safetensors/names-are-a-hundred-thousand-tensors",
            .safetensors,
            .offers(
                Offering(payload: { handed, _ in
                    var text = SafetensorsText(handed)
                    let all = (0..<100_000).map { tensor("\($0)", shape: "[0]", from: "0", to: "0") }
                    text.prepend(all.joined(separator: ","))
                    return text.bytes()
                })
            ),
            .rejected("at most")
        ),
    ]

    // MARK: - Programs

    private static func program(_ name: String, _ bytes: [UInt8]) -> Attack {
        file(name, "is not a safetensors file", .code) { _ in bytes }
    }

    private static let programs: [Attack] = [
        // cos\nsystem\n(S'true'\ntR.
        program(
            "is-a-pickle",
            Array("\u{80}\u{4}".unicodeScalars.map { UInt8($0.value) }) + Array("cos\nsystem\n(S'true'\ntR.".utf8)
        ),
        program("is-a-zip-of-pickles", [0x50, 0x4B, 3, 4, 20, 0, 0, 0, 0, 0] + Wire.noise(500, seed: 8)),
        program("is-a-gzip-bomb", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3] + [UInt8](repeating: 0xED, count: 1000)),
        program(
            "is-a-zstandard-frame",
            [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0xFF, 0xFF, 0xFF, 0x7F] + Wire.noise(64, seed: 9)
        ),
        program("is-a-gguf-file", Array("GGUF".utf8) + [3, 0, 0, 0] + Wire.noise(64, seed: 10)),
        program("is-an-executable", [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + Wire.noise(512, seed: 11)),
        program("is-a-script", Array("#!/bin/sh\nrm -rf /\n".utf8)),
        program("is-yaml-with-a-tag", Array("!!python/object/apply:os.system ['true']\n".utf8)),
        program("is-noise", Wire.noise(4096, seed: 12)),
    ]
}
