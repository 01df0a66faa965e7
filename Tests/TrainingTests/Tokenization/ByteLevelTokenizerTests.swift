import Adapters
import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("Byte-level tokenizer")
struct ByteLevelTokenizerTests {
    private struct Case: Decodable {
        let text: String
        let ids: [Int32]
    }

    @Test("gives the ids of Hugging Face's tokenizers, digits one by one", .tags(.goldenBytes))
    func reference() throws {
        let tokenizer = try ByteLevelTokenizer(modelFolder: Fixture.url("byte-level"))
        let cases: [Case] = try Fixture.lines("byte-level/cases.jsonl")
        #expect(cases.count == 40)
        for test in cases { #expect(tokenizer.encode(test.text) == test.ids, "\(test.text.debugDescription)") }
    }

    @Test("cuts a text at its end")
    func length() throws {
        let tokenizer = try ByteLevelTokenizer(modelFolder: Fixture.url("byte-level"))
        let text = "The quick brown fox jumps over the lazy dog."
        let whole = tokenizer.encode(text)
        for length in 0...whole.count {
            #expect(tokenizer.encode(text, maximumLength: length) == Array(whole.prefix(length)))
        }
    }

    /// A tokenizer of two bytes whose texts end with a special token of the given id.
    private static func tokenizer(ending id: String) throws -> ByteLevelTokenizer {
        let text = """
            {
              "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
              "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
              "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<end>", "type_id": 0}}],
                "special_tokens": {"<end>": {"id": "<end>", "ids": [\(id)], "tokens": ["<end>"]}}
              }
            }
            """
        return try ByteLevelTokenizer(parsing: Array(text.utf8), source: "tokenizer.json")
    }

    @Test("counts the special tokens around a text among its ids")
    func template() throws {
        let tokenizer = try Self.tokenizer(ending: "9")
        #expect(tokenizer.encode("ab") == [0, 1, 9])
        #expect(tokenizer.vocabularySize == 10)
        #expect(try Self.tokenizer(ending: "1").vocabularySize == 2)
    }

    @Test("refuses a special token without a possible id", arguments: ["-1", "268435456", "1.5", "\"9\""])
    func impossibleSpecialToken(id: String) {
        let error = #expect(throws: TrainingError.self) { try Self.tokenizer(ending: id) }
        #expect(error?.description.contains("`post_processor.special_tokens` gives '<end>' an id") == true)
    }

    @Test("names the file and the key that is wrong")
    func broken() async throws {
        let good = try String(contentsOf: Fixture.url("byte-level/tokenizer.json"), encoding: .utf8)
        for (part, replacement) in [
            ("\"BPE\"", "\"Unigram\""), ("\"merges\":[", "\"merges\":[5,"), ("\"vocab\":{", "\"vocab\":[{"),
        ] {
            try await withTemporaryDirectory { folder in
                let file = folder.appendingPathComponent("tokenizer.json")
                try Data(good.replacing(part, with: replacement, maxReplacements: 1).utf8).write(to: file)
                let error = #expect(throws: TrainingError.self) { try ByteLevelTokenizer(modelFolder: folder) }
                #expect(error?.description.contains("tokenizer.json") == true, "\(part)")
            }
        }
    }
}
