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
