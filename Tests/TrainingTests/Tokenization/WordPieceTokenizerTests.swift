import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("WordPiece tokenizer")
struct WordPieceTokenizerTests {
    struct Case: Decodable {
        let text: String
        let ids: [Int32]
    }

    private func tokenizer(_ entries: [String]) throws -> WordPieceTokenizer {
        try WordPieceTokenizer(entries: (["[UNK]", "[CLS]", "[SEP]"] + entries).map { Array($0.utf8) })
    }

    @Test(
        "gives the ids of Hugging Face's tokenizers, on real texts and on the corners of Unicode",
        .tags(.goldenBytes)
    )
    func reference() throws {
        let tokenizer = try WordPieceTokenizer(modelFolder: Fixture.url("tokenizer"))
        let cases: [Case] = try Fixture.lines("tokenizer/cases.jsonl")
        #expect(cases.count > 300)
        for test in cases {
            #expect(tokenizer.encode(test.text) == test.ids, "\(test.text.debugDescription)")
        }
    }

    @Test(
        "gives the ids of Hugging Face's tokenizers on every text of the corpus",
        .enabled(if: Cache.hasModel && Cache.hasData, Cache.absence),
        .tags(.goldenBytes)
    )
    func corpus() throws {
        let tokenizer = try WordPieceTokenizer(modelFolder: Cache.model)
        var bytes: [UInt8] = []
        var count = 0
        for silo in Cache.silos {
            for row in try DataFile(contentsOf: Cache.data(silo)).rows {
                let ids = tokenizer.encode(row.text)
                for number in [Int32(ids.count)] + ids {
                    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
                }
                count += 1
            }
        }
        #expect(count == 23_703)
        // Printed by make_tokenizer_fixtures.py.
        #expect(
            ContentDigest(hashing: bytes).hexadecimal
                == "0e9e3d6787201c4257bc96f64897ddba710b9e895699e76deec96aeabeff0741"
        )
    }

    @Test("takes the longest piece first, and a word that cannot be cut is unknown as a whole")
    func longestFirst() throws {
        let tokenizer = try tokenizer(["un", "una", "##f", "##fa", "##ffable", "##ble", "b"])
        #expect(tokenizer.pieces(of: "unaffable") == [4, 7])
        #expect(tokenizer.pieces(of: "unfable") == [3, 6, 8])
        #expect(tokenizer.pieces(of: "unafg b") == [0, 9])
    }

    @Test("cuts after the limit, with the separator at the end")
    func truncation() throws {
        let tokenizer = try tokenizer(["a", "b", "c", "##a"])
        #expect(tokenizer.encode("a b c") == [1, 3, 4, 5, 2])
        #expect(tokenizer.encode("a b c", maximumLength: 4) == [1, 3, 4, 2])
        #expect(tokenizer.encode("a b aa", maximumLength: 4) == [1, 3, 4, 2])
        #expect(tokenizer.encode("aa b", maximumLength: 3) == [1, 3, 2])
        #expect(tokenizer.encode("", maximumLength: 2) == [1, 2])
    }

    @Test("reads a vocabulary with CRLF line ends")
    func carriageReturns() async throws {
        try await withTemporaryDirectory { folder in
            try Data("[UNK]\r\n[CLS]\r\n[SEP]\r\nfilm\r\n".utf8).write(to: folder.appendingPathComponent("vocab.txt"))
            let tokenizer = try WordPieceTokenizer(modelFolder: folder)
            #expect(tokenizer.vocabularySize == 4)
            #expect(tokenizer.encode("Film") == [1, 3, 2])
        }
    }

    @Test("refuses folders whose tokenizer it cannot reproduce, and says what to do")
    func refusals() async throws {
        try await withTemporaryDirectory { folder in
            let vocabulary = folder.appendingPathComponent("vocab.txt")
            let missing = #expect(throws: TrainingError.self) { try WordPieceTokenizer(modelFolder: folder) }
            #expect(missing?.description.contains("vocab.txt' cannot be read") == true)

            try Data("[UNK]\n[CLS]\nfilm\n".utf8).write(to: vocabulary)
            let incomplete = #expect(throws: TrainingError.self) { try WordPieceTokenizer(modelFolder: folder) }
            #expect(incomplete?.description.contains("has no entry '[SEP]'") == true)

            try Data("[UNK]\n[CLS]\n[SEP]\n".utf8).write(to: vocabulary)
            try Data(#"{"do_lower_case": false}"#.utf8)
                .write(to: folder.appendingPathComponent("tokenizer_config.json"))
            let cased = #expect(throws: TrainingError.self) { try WordPieceTokenizer(modelFolder: folder) }
            #expect(cased?.description.contains("cased") == true)
        }
    }
}
