import Testing

@testable import Adapters

struct ModulePatternTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let pattern: String
        let path: String
        let matches: Bool
        var testDescription: String { "\(pattern) on \(path)" }
    }

    /// The verdicts are those of `re.match(rf"(.*\.)?({pattern})$", path)` in Python.
    @Test(
        "matches as PEFT's get_pattern_key does",
        arguments: [
            Case(pattern: "query", path: "encoder.layer.0.query", matches: true),
            Case(pattern: "query", path: "query", matches: true),
            Case(pattern: "query", path: "encoder.layer.0.xquery", matches: false),
            Case(pattern: "query", path: "encoder.query.dense", matches: false),
            Case(pattern: "layer.0.query", path: "encoder.layer.0.query", matches: true),
            Case(pattern: "layer.0.query", path: "encoder.layer-0xquery", matches: true),
            Case(pattern: "layer.1.query", path: "encoder.layer.11.query", matches: false),
            Case(pattern: "^layer.0", path: "layer.0", matches: true),
            Case(pattern: "^layer.0", path: "encoder.layer.0", matches: false),
            Case(pattern: "query|value", path: "encoder.value", matches: true),
            Case(pattern: "query|value", path: "encoder.query", matches: true),
            Case(pattern: "query|value", path: "encoder.query.value.x", matches: false),
            Case(pattern: #"layer\.[01]\..*\.query"#, path: "encoder.layer.1.attention.self.query", matches: true),
            Case(pattern: #"layer\.[01]\..*\.query"#, path: "encoder.layer.2.attention.self.query", matches: false),
            Case(pattern: #"\d+\.query"#, path: "encoder.layer.12.query", matches: true),
            Case(pattern: ".", path: "a", matches: true),
            Case(pattern: ".", path: "a.b", matches: true),
            Case(pattern: ".", path: "ab", matches: false),
        ]
    )
    func matching(_ test: Case) throws {
        #expect(try ModulePattern(test.pattern, of: "rank_pattern").matches(test.path) == test.matches)
    }

    @Test("refuses what is no regular expression, naming the key")
    func invalid() {
        #expect(throws: AdapterError.invalidPattern("(query", key: "alpha_pattern")) {
            try ModulePattern("(query", of: "alpha_pattern")
        }
    }
}
