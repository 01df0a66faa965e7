import Testing

@testable import FederatedLearning

struct NearestNameTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let expected: String?

        var testDescription: String { name }
    }

    @Test(
        "finds what was meant, and nothing when nothing is near",
        arguments: [
            Case(name: "learning-rate", expected: "learning_rate"),
            Case(name: "LearningRate", expected: "learning_rate"),
            Case(name: "lerning_rate", expected: "learning_rate"), Case(name: "epohcs", expected: "epochs"),
            Case(name: "size", expected: "batch_size"), Case(name: "warmup_schedule", expected: nil),
            Case(name: "", expected: nil), Case(name: "x", expected: nil),
        ]
    )
    func nearest(_ test: Case) {
        let known = ["epochs", "batch_size", "learning_rate", "momentum"]
        #expect(NearestName.of(test.name, among: known) == test.expected)
    }

    @Test("counts insertions, deletions, replacements and swaps of neighbours")
    func distances() {
        func distance(_ a: String, _ b: String) -> Int { NearestName.editDistance(Array(a), Array(b)) }
        #expect(distance("kitten", "sitting") == 3)
        #expect(distance("ab", "ba") == 1)
        #expect(distance("ca", "abc") == 3)
        #expect(distance("", "abc") == 3)
        #expect(distance("abc", "") == 3)
    }
}
