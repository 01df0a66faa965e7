import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("Data files")
struct DataFileTests {
    /// Reads `content` as a file called `name`.
    private func read(_ content: some Collection<UInt8>, name: String) async throws -> DataFile {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent(name)
            try Data(content).write(to: file)
            return try DataFile(contentsOf: file)
        }
    }

    private func read(_ content: String, name: String) async throws -> DataFile {
        try await read(Array(content.utf8), name: name)
    }

    @Test("reads JSON lines with names, indices, splits, documents and fields of no interest")
    func jsonLines() async throws {
        let file = try await read(
            """
            {"text": "a \\u00e9 \\"b\\"", "label": "positive", "split": "train", "document": 7, "more": [1, {}]}

            {"label": 1, "text": "", "split": "test", "document": "d"}
            """,
            name: "silo.jsonl"
        )
        #expect(
            file.rows == [
                .init(line: 1, text: "a é \"b\"", label: .name("positive"), split: .train, document: "7"),
                .init(line: 3, text: "", label: .index(1), split: .test, document: "d"),
            ]
        )
    }

    @Test("reads CSV with quotes, doubled quotes, line ends in fields and any order of columns")
    func commaSeparated() async throws {
        let file = try await read(
            "id,label,text,document\n1,good,\"a, \"\"b\"\"\nc\",x\n\n2,bad,plain \"quote\",\n",
            name: "silo.csv"
        )
        #expect(
            file.rows == [
                .init(line: 2, text: "a, \"b\"\nc", label: .name("good"), split: nil, document: "x"),
                .init(line: 5, text: "plain \"quote\"", label: .name("bad"), split: nil, document: nil),
            ]
        )
    }

    @Test("reads tab-separated values")
    func tabSeparated() async throws {
        let file = try await read("text\tlabel\tsplit\na, b\tgood\ttest", name: "silo.TSV")
        #expect(file.rows == [.init(line: 2, text: "a, b", label: .name("good"), split: .test, document: nil)])
    }

    @Test("drops a byte order mark and carriage returns", arguments: ["silo.csv", "silo.jsonl"])
    func windowsFiles(name: String) async throws {
        let content =
            name.hasSuffix("csv")
            ? "\u{FEFF}text,label\r\nfine,good\r\n" : "\u{FEFF}{\"text\": \"fine\", \"label\": \"good\"}\r\n"
        let file = try await read(content, name: name)
        #expect(file.rows.map(\.text) == ["fine"])
        #expect(file.rows.map(\.label) == [.name("good")])
    }

    @Test("reads lines that lie across chunks")
    func longFile() async throws {
        let text = String(repeating: "wörd ", count: 500)
        let line = "{\"text\": \"\(text)\", \"label\": 0}\n"
        let file = try await read(String(repeating: line, count: 400), name: "silo.jsonl")
        #expect(file.rows.count == 400)
        #expect(file.rows.allSatisfy { $0.text == text })
        #expect(file.rows.last?.line == 400)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let name: String
        let content: String
        let message: String

        var testDescription: String { message }
    }

    @Test(
        "names file, line and remedy when a row is broken",
        arguments: [
            Broken(
                name: "a.jsonl",
                content: "{\"text\": \"x\", \"label\": 0}\n{\"text\": ",
                message: "line 2: is not valid JSON"
            ),
            Broken(name: "a.jsonl", content: "[1]", message: "line 1: is not a JSON object"),
            Broken(name: "a.jsonl", content: "{\"label\": 0}", message: "line 1: has no `text`"),
            Broken(name: "a.jsonl", content: "{\"text\": 5, \"label\": 0}", message: "`text` has the wrong type"),
            Broken(
                name: "a.jsonl",
                content: "{\"text\": \"x\", \"label\": true}",
                message: "`label` has the wrong type"
            ),
            Broken(
                name: "a.jsonl",
                content: "{\"text\": \"x\", \"label\": 1.5}",
                message: "`label` has the wrong type"
            ),
            Broken(
                name: "a.jsonl",
                content: "{\"text\": \"x\", \"label\": 0, \"split\": \"dev\"}",
                message: "line 1: the split 'dev' is unknown"
            ),
            Broken(
                name: "a.jsonl",
                content: "{\"text\": \"x\", \"label\": 0, \"split\": \"test\"}\n{\"text\": \"x\", \"label\": 0}",
                message: "line 2: has no `split` though other rows have"
            ),
            Broken(name: "a.csv", content: "class,label\nx,y", message: "line 1: the header has no column `text`"),
            Broken(
                name: "a.csv",
                content: "text,label\nx,y\na,b,c",
                message: "line 3: has 3 fields where the header has 2"
            ),
            Broken(name: "a.csv", content: "text,label\n\"x,y", message: "line 2: a quoted field has no closing quote"),
            Broken(name: "a.csv", content: "text,label\n\"x\"z,y", message: "line 2: a quoted field goes on"),
            Broken(name: "a.csv", content: "text,label\nx,", message: "line 2: has no `label`"),
            Broken(name: "a.csv", content: "", message: "has no rows"),
            Broken(name: "a.csv", content: "text,label\n", message: "has no rows"),
            Broken(name: "a.jsonl", content: "\n\n", message: "has no rows"),
            Broken(name: "a.txt", content: "x", message: "neither JSON lines nor CSV"),
        ]
    )
    func broken(_ test: Broken) async throws {
        let error = await #expect(throws: TrainingError.self) { try await read(test.content, name: test.name) }
        #expect(error?.description.contains(test.message) == true, "\(error?.description ?? "no error")")
    }

    @Test("refuses bytes that are not UTF-8, and lines without end")
    func notText() async throws {
        let latin = Array("{\"text\": \"caf".utf8) + [0xE9] + Array("\", \"label\": 0}".utf8)
        let invalid = await #expect(throws: TrainingError.self) { try await read(latin, name: "a.jsonl") }
        #expect(invalid?.description.contains("line 1: is not UTF-8 text. Save the file as UTF-8.") == true)

        let endless = [UInt8](repeating: UInt8(ascii: "x"), count: 2 << 20)
        let long = await #expect(throws: TrainingError.self) { try await read(endless, name: "a.jsonl") }
        #expect(long?.description.contains("line 1: is longer than") == true)
    }

    @Test("says that a file is missing")
    func missing() {
        let error = #expect(throws: TrainingError.self) {
            try DataFile(contentsOf: URL(fileURLWithPath: "/nowhere/silo.jsonl"))
        }
        #expect(error?.description.contains("'/nowhere/silo.jsonl' cannot be read") == true)
    }

    @Test("lists the label names in an order that no locale changes")
    func labelNames() async throws {
        let file = try await read("text,label\n1,b\n2,Z\n3,a\n4,b\n5,ä\n", name: "a.csv")
        #expect(file.labelNames == ["Z", "a", "b", "ä"])
        let numbered = try await read("{\"text\": \"\", \"label\": 2}\n{\"text\": \"\", \"label\": 0}", name: "a.jsonl")
        #expect(numbered.labelNames == ["0", "1", "2"])
        let negative = try await read("{\"text\": \"\", \"label\": -5}", name: "a.jsonl")
        #expect(negative.labelNames.isEmpty)
        let huge = try await read("{\"text\": \"\", \"label\": 9000000000000}", name: "a.jsonl")
        #expect(huge.labelNames.count == 1000)
    }
}
