import FederatedLearning
import Testing

struct PeerTextTests {
    @Test("brings a peer's sentence onto one line of bounded length")
    func sentences() {
        #expect(PeerText.sentence("disk full") == "disk full")
        #expect(PeerText.sentence("a\nb\u{1B}[31mc\u{202E}d\u{0}") == "a b [31mc d ")
        #expect(PeerText.sentence(String(repeating: "x", count: 5000)).count == 300)
        #expect(PeerText.sentence("ü\u{308}") == "ü\u{308}")
    }

    @Test("brings a message that quotes a peer onto one line, whole")
    func lines() {
        #expect(PeerText.line("a\nb\u{1B}[31mc") == "a b [31mc")
        #expect(PeerText.line(String(repeating: "x", count: 5000)).count == 5000)
    }

    @Test("keeps finite figures with short plain names, the first 64")
    func figures() {
        #expect(
            PeerText.figures([
                "loss": 0.5, "eval/macro_f1": 1, "nan": .nan, "inf": -.infinity, "": 1, "a b": 1, "ü": 1,
                String(repeating: "x", count: 65): 1,
            ]) == ["loss": 0.5, "eval/macro_f1": 1]
        )
        let many = Dictionary(uniqueKeysWithValues: (100..<300).map { ("m\($0)", 1.0) })
        #expect(PeerText.figures(many).keys.sorted() == (100..<164).map { "m\($0)" })
    }
}
