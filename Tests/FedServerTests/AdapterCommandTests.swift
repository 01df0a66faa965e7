import ArgumentParser
import Testing

@testable import FedServer

@Suite("Adapter commands")
struct AdapterCommandTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let message: String
        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test(
        "refuse options that have no effect together, with what to write",
        arguments: [
            Refusal(arguments: ["--method", "ties", "--out", "x", "a", "b"], message: "needs --density"),
            Refusal(arguments: ["--density", "0.5", "--out", "x", "a", "b"], message: "no effect with --method svd"),
            Refusal(arguments: ["--rank", "0", "--out", "x", "a"], message: "at least 1"),
            Refusal(arguments: ["--labels", "a,b", "--out", "x", "a"], message: "goes with --into-base"),
            Refusal(arguments: ["--method", "best", "--out", "x", "a"], message: "dare_linear"),
        ]
    )
    func refusals(_ test: Refusal) {
        let error = #expect(throws: (any Error).self) { try AdapterMergeCommand.parse(test.arguments) }
        #expect(error.map { AdapterMergeCommand.fullMessage(for: $0) }?.contains(test.message) == true)
    }

    @Test("weights are numbers behind the last =, negative ones where effects are taken away")
    func weights() throws {
        let adapter = try WeightedAdapter(parsing: "run=3/berlin=0.25")
        #expect(adapter.path == "run=3/berlin" && adapter.weight == 0.25)
        #expect(try WeightedAdapter(parsing: "berlin").weight == 1)
        #expect(try WeightedAdapter(parsing: "berlin=-0.5", allowsNegative: true).weight == -0.5)
        for text in ["berlin=-0.5", "berlin=many", "berlin=nan", "berlin=inf"] {
            #expect(throws: ValidationError.self) { try WeightedAdapter(parsing: text) }
        }
    }
}
