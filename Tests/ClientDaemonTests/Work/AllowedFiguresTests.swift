import ClientDaemon
import Testing

@Suite("AllowedFigures")
struct AllowedFiguresTests {
    @Test("finite figures under plain names pass, and nothing else")
    func filters() {
        let allowed = ["loss": 0.5, "macro_f1": 0.25, "top5": -1, String(repeating: "a", count: 32): 0]
        let withheld: [String: Double] = [
            "/srv/patients/train.jsonl": 1, "host.example.org": 1, "Alice": 1, "two words": 1, "": 1, "größe": 1,
            String(repeating: "a", count: 33): 1, "infinite": .infinity, "nan": .nan,
        ]
        #expect(AllowedFigures.filter(allowed.merging(withheld) { $1 }) == allowed)
    }

    @Test("no result carries more figures than the limit")
    func bounds() {
        let many = Dictionary(uniqueKeysWithValues: (0..<100).map { ("m\($0)", Double($0)) })
        #expect(AllowedFigures.filter(many).count == AllowedFigures.maximumCount)
    }
}
