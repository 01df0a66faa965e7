import ClientDaemon
import FederatedLearning
import Testing

@Suite("TrainerMessage")
struct TrainerMessageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let line: String
        let message: TrainerMessage
        var testDescription: String { line }
    }

    @Test(
        "every message of the contract is read, and keys that it does not have are ignored",
        arguments: [
            Case(
                line: """
                    {"type":"hello","version":1,"name":"mine","release":"2","tasks":["causal-lm","telepathy"],\
                    "features":["residual","mind-reading"],"later":{}}
                    """,
                message: .hello(
                    version: 1,
                    TrainerCapabilities(
                        name: "mine",
                        release: "2",
                        tasks: [.causalLanguageModel],
                        features: [.residual]
                    )
                )
            ),
            Case(
                line: #"{"type":"progress","id":1,"step":5,"steps":20,"loss":1.5}"#,
                message: .progress(id: 1, step: 5, stepCount: 20, loss: 1.5)
            ),
            Case(
                line: #"{"type":"progress","id":1,"step":0,"steps":20}"#,
                message: .progress(id: 1, step: 0, stepCount: 20, loss: 0)
            ),
            Case(
                line: #"{"type":"metrics","id":1,"metrics":{"tokens":12}}"#,
                message: .metrics(id: 1, ["tokens": 12])
            ),
            Case(
                line: #"{"type":"trained","id":1,"examples":12,"steps":3,"metrics":{"loss":0.5}}"#,
                message: .trained(id: 1, .init(adapter: "result", examples: 12, steps: 3, metrics: ["loss": 0.5]))
            ),
            Case(
                line: #"{"type":"trained","id":1,"adapter":"out/last","examples":12,"steps":3}"#,
                message: .trained(id: 1, .init(adapter: "out/last", examples: 12, steps: 3))
            ),
            Case(
                line: #"{"type":"evaluated","id":2,"examples":7,"metrics":{"accuracy":0.25}}"#,
                message: .evaluated(id: 2, examples: 7, ["accuracy": 0.25])
            ),
            Case(
                line: #"{"type":"failed","id":2,"reason":"no memory","retry":true}"#,
                message: .failed(id: 2, reason: "no memory", mayRetry: true)
            ),
            Case(line: #"{"type":"cancelled","id":2}"#, message: .cancelled(id: 2)),
        ]
    )
    func reads(_ test: Case) throws {
        #expect(try TrainerMessage(Array(test.line.utf8)) == test.message)
    }

    struct Flaw: Sendable, CustomTestStringConvertible {
        let line: String
        let complaint: String
        var testDescription: String { line }
    }

    @Test(
        "what is no message is quoted, with what is wrong about it",
        arguments: [
            Flaw(line: "Epoch 1/3", complaint: "the line `Epoch 1/3` is not JSON"),
            Flaw(line: "[1]", complaint: "the line `[1]` is not a JSON object."),
            Flaw(line: #"{"type":"trian","id":1}"#, complaint: "has no `type` that is known."),
            Flaw(
                line: #"{"type":"progress","id":1,"step":1,"steps":2,"loss":NaN}"#,
                complaint: "JSON has no NaN and no Infinity"
            ),
            Flaw(
                line: #"{"type":"trained","id":1,"steps":2}"#,
                complaint: "`trained` needs `examples`, which has to be a whole number of at least 0."
            ),
            Flaw(
                line: #"{"type":"trained","id":1,"examples":-1,"steps":2}"#,
                complaint: "`trained` needs `examples`, which has to be a whole number of at least 0."
            ),
            Flaw(
                line: #"{"type":"trained","id":1,"examples":99999999999999999999,"steps":2}"#,
                complaint: "`trained` needs `examples`"
            ),
            Flaw(
                line: #"{"type":"evaluated","id":1,"examples":1,"metrics":{"loss":"low"}}"#,
                complaint: "`evaluated` needs `metrics.loss`, which has to be a number."
            ),
            Flaw(
                line: #"{"type":"evaluated","id":1,"examples":1,"metrics":{"loss":1e999}}"#,
                complaint: "`evaluated` needs `metrics.loss`"
            ),
            Flaw(line: #"{"type":"hello","version":1,"name":"x"}"#, complaint: "`hello` needs `tasks`"),
            Flaw(line: #"{"type":"cancelled","id":1,"id":2}"#, complaint: "the key 'id' appears twice"),
        ]
    )
    func complains(_ flaw: Flaw) throws {
        let error = #expect(throws: UnreadableMessage.self) { try TrainerMessage(Array(flaw.line.utf8)) }
        let text = try #require(error).description
        #expect(text.contains(flaw.complaint), "\(text)")
    }

    @Test("bytes that are no text, and texts without an end, are quoted in a line of the log")
    func excerpts() {
        let text = TrainerMessage.excerpt([0xFF, 0x0A, 0x1B] + Array(repeating: UInt8(ascii: "x"), count: 10_000))
        #expect(text.count <= 81)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }
}
