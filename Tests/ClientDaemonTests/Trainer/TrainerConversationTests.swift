import ClientDaemon
import FederatedLearning
import Foundation
import Testing

@Suite("TrainerConversation")
struct TrainerConversationTests {
    private let start = ContinuousClock.now
    private let limits = TrainerLimits(
        start: .seconds(10),
        silence: .seconds(20),
        time: .seconds(100),
        ending: .seconds(5),
        memory: 1000,
        disk: 2000,
        outputBytes: 500
    )
    private static let capabilities = TrainerCapabilities(name: "mine", tasks: [.sequenceClassification])
    private static let hello = #"{"type":"hello","version":1,"name":"mine","tasks":["sequence-classification"]}"#

    private func request(_ id: Int = 1, kind: WorkOrder.Kind = .train) -> TrainerRequest {
        TrainerRequest(
            id: id,
            order: Sample.order(kind: kind),
            model: URL(fileURLWithPath: "/models/tiny"),
            data: URL(fileURLWithPath: "/data/texts.jsonl"),
            client: "berlin",
            paths: .init(adapter: "/t/adapter", result: "/t/result")
        )
    }

    /// A conversation that has come to a trainer which is ready.
    private func ready() -> TrainerConversation {
        var conversation = TrainerConversation(limits: limits, threads: 2, folder: "/t")
        _ = conversation.started(at: start)
        #expect(conversation.received(Array(Self.hello.utf8), at: start) == [.ready(Self.capabilities)])
        return conversation
    }

    private func working(kind: WorkOrder.Kind = .train) -> TrainerConversation {
        var conversation = ready()
        #expect(conversation.request(request(kind: kind), at: start) == [.say(.work(request(kind: kind)))])
        return conversation
    }

    private func hear(
        _ line: String,
        in conversation: inout TrainerConversation,
        after seconds: Int = 1
    ) -> [TrainerConversation.Action] {
        conversation.received(Array(line.utf8), at: start + .seconds(seconds))
    }

    // MARK: - The straight way

    @Test("hello, a training with progress and figures, an evaluation, shutdown")
    func goesWell() {
        var conversation = TrainerConversation(limits: limits, threads: 2, folder: "/t")
        #expect(conversation.started(at: start) == [.say(.hello(threads: 2, folder: "/t"))])
        #expect(!conversation.isReady)
        #expect(hear(Self.hello, in: &conversation) == [.ready(Self.capabilities)])

        #expect(conversation.request(request(), at: start) == [.say(.work(request()))])
        #expect(
            hear(#"{"type":"progress","id":1,"step":1,"steps":2,"loss":0.5}"#, in: &conversation)
                == [.report(TrainingProgress(step: 1, stepCount: 2, loss: 0.5))]
        )
        #expect(hear(#"{"type":"metrics","id":1,"metrics":{"tokens":7,"loss":9}}"#, in: &conversation).isEmpty)
        #expect(
            hear(#"{"type":"trained","id":1,"examples":3,"steps":2,"metrics":{"loss":1}}"#, in: &conversation)
                == [.answer(.trained(.init(examples: 3, steps: 2, metrics: ["tokens": 7, "loss": 1])))]
        )
        #expect(conversation.isReady)

        _ = conversation.request(request(2, kind: .evaluate), at: start)
        #expect(hear(#"{"type":"progress","id":2,"step":1,"steps":2}"#, in: &conversation).isEmpty)
        #expect(
            hear(#"{"type":"evaluated","id":2,"examples":3,"metrics":{"accuracy":1}}"#, in: &conversation)
                == [.answer(.evaluated(EvaluationReport(exampleCount: 3, metrics: ["accuracy": 1])))]
        )
        #expect(conversation.shutDown(at: start) == [.say(.shutdown)])
        #expect(conversation.isOver)
        #expect(conversation.ended("ended with exit code 0", lastWords: nil).isEmpty)
    }

    @Test("a request that the trainer cannot do is over, and the next one is made")
    func fails() {
        var conversation = working()
        #expect(
            hear(#"{"type":"failed","id":1,"reason":"no memory","retry":true}"#, in: &conversation)
                == [.answer(.failed(.failed(reason: "no memory", mayRetry: true)))]
        )
        #expect(conversation.isReady)
    }

    // MARK: - Cancelling

    @Test(
        "a cancelled request is over when the trainer says so, in whatever way",
        arguments: [
            #"{"type":"cancelled","id":1}"#, #"{"type":"failed","id":1,"reason":"interrupted"}"#,
        ]
    )
    func cancels(line: String) {
        var conversation = working()
        #expect(conversation.cancel(at: start) == [.say(.cancel(1))])
        #expect(conversation.cancel(at: start).isEmpty, "it is said once")
        #expect(hear(line, in: &conversation) == [.answer(.cancelled)])
        #expect(conversation.isReady)
    }

    @Test("or ended when it does not answer")
    func cancelsTheStubborn() {
        var conversation = working()
        _ = conversation.cancel(at: start)
        #expect(conversation.ticked(at: start + .seconds(4), usage: nil).isEmpty)
        #expect(conversation.ticked(at: start + .seconds(5), usage: nil) == [.answer(.cancelled), .end])
    }

    @Test("a `cancelled` that crossed the answer is ignored")
    func ignoresLateCancellation() {
        var conversation = working()
        _ = conversation.cancel(at: start)
        _ = hear(#"{"type":"trained","id":1,"examples":3,"steps":2}"#, in: &conversation)
        #expect(hear(#"{"type":"cancelled","id":1}"#, in: &conversation).isEmpty)
        _ = conversation.request(request(2), at: start)
        #expect(hear(#"{"type":"cancelled","id":1}"#, in: &conversation).isEmpty)
        #expect(!conversation.isOver)
    }

    // MARK: - Breaking the contract

    @Test(
        "whatever is not expected ends the process, and the request with its reason",
        arguments: [
            "Epoch 1/3", #"{"type":"trained","id":2,"examples":3,"steps":2}"#,
            #"{"type":"evaluated","id":1,"examples":3}"#, #"{"type":"cancelled","id":1}"#, hello,
        ]
    )
    func endsForBreaches(line: String) throws {
        var conversation = working()
        let actions = hear(line, in: &conversation)
        #expect(actions.count == 2)
        guard case .answer(.failed(.brokeContract(let problem))) = try #require(actions.first) else {
            Issue.record("\(actions)")
            return
        }
        #expect(!problem.isEmpty)
        #expect(actions.last == .end)
        #expect(hear(Self.hello, in: &conversation).isEmpty, "nothing more is read")
    }

    @Test("talking without being asked, and before hello, is told to the steward")
    func endsForInterruptions() throws {
        var conversation = ready()
        let actions = hear(#"{"type":"progress","id":1,"step":1,"steps":2}"#, in: &conversation)
        #expect(
            actions == [.note(.brokeContract(problem: "`progress` came without a request.")), .end]
        )
        var early = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = early.started(at: start)
        #expect(
            hear(#"{"type":"cancelled","id":1}"#, in: &early)
                == [.giveUp(.brokeContract(problem: "`cancelled` came before `hello`.")), .end]
        )
    }

    @Test("another version and a hello without tasks are refused")
    func refusesHello() {
        var conversation = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = conversation.started(at: start)
        #expect(
            hear(#"{"type":"hello","version":2,"name":"x","tasks":["causal-lm"]}"#, in: &conversation)
                == [.giveUp(.wrongVersion(2)), .end]
        )
        var other = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = other.started(at: start)
        #expect(
            hear(#"{"type":"hello","version":1,"name":"x","tasks":["vision"]}"#, in: &other)
                == [.giveUp(.brokeContract(problem: "`hello` names no task that is known in `tasks`.")), .end]
        )
    }

    @Test("a flood ends the process, and so do figures without end")
    func endsFloods() {
        var conversation = working()
        var last: [TrainerConversation.Action] = []
        for _ in 0..<20 where last.last != .end {
            last = hear(#"{"type":"progress","id":1,"step":1,"steps":2,"loss":0.5}"#, in: &conversation)
        }
        #expect(last.last == .end)
        var other = TrainerConversation(
            limits: TrainerLimits(outputBytes: 1 << 20),
            threads: 1,
            folder: "/t"
        )
        _ = other.started(at: start)
        _ = hear(Self.hello, in: &other)
        _ = other.request(request(), at: start)
        let figures = (0..<300).map { "\"m\($0)\":1" }.joined(separator: ",")
        #expect(hear(#"{"type":"metrics","id":1,"metrics":{\#(figures)}}"#, in: &other).last == .end)
        var long = working()
        let overflow = LineSplitter.Overflow(beginning: Array("{\"type\"".utf8))
        #expect(long.overflowed(overflow).last == .end)
    }

    // MARK: - Limits

    @Test("a process that says no hello is given up")
    func limitsStart() {
        var conversation = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = conversation.started(at: start)
        #expect(conversation.ticked(at: start + .seconds(9), usage: nil).isEmpty)
        #expect(
            conversation.ticked(at: start + .seconds(10), usage: nil)
                == [.giveUp(.silent(.seconds(10), key: "start")), .end]
        )
    }

    @Test("silence is counted from the last message, and time from the request")
    func limitsTime() {
        var conversation = working()
        var now = start
        for _ in 0..<6 {
            now += .seconds(16)
            #expect(conversation.ticked(at: now, usage: nil).isEmpty)
            let line = Array(#"{"type":"progress","id":1,"step":1,"steps":9}"#.utf8)
            #expect(conversation.received(line, at: now).count == 1)
        }
        #expect(
            conversation.ticked(at: start + .seconds(100), usage: nil)
                == [.answer(.failed(.tooSlow(.seconds(100)))), .end]
        )
        var silent = working()
        #expect(silent.ticked(at: start + .seconds(19), usage: nil).isEmpty)
        #expect(
            silent.ticked(at: start + .seconds(20), usage: nil)
                == [.answer(.failed(.silent(.seconds(20), key: "silence"))), .end]
        )
        var idle = ready()
        #expect(idle.ticked(at: start + .seconds(10_000), usage: nil).isEmpty, "between rounds it may be silent")
    }

    @Test("too much memory and a full folder end the process")
    func limitsUsage() {
        var conversation = working()
        #expect(conversation.ticked(at: start, usage: .init(memory: 1000, disk: 2000)).isEmpty)
        #expect(
            conversation.ticked(at: start, usage: .init(memory: 1001, disk: 0))
                == [.answer(.failed(.tooMuchMemory(bytes: 1001, limit: 1000))), .end]
        )
        var other = working()
        #expect(
            other.ticked(at: start, usage: .init(memory: 0, disk: 2001))
                == [.answer(.failed(.tooMuchDisk(bytes: 2001, limit: 2000))), .end]
        )
    }

    @Test("a shutdown that is not obeyed ends the process")
    func limitsShutdown() {
        var conversation = ready()
        _ = conversation.shutDown(at: start)
        #expect(conversation.ticked(at: start + .seconds(4), usage: nil).isEmpty)
        #expect(conversation.ticked(at: start + .seconds(5), usage: nil) == [.end])
        var starting = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = starting.started(at: start)
        #expect(starting.shutDown(at: start) == [.giveUp(.closed), .end])
    }

    // MARK: - Dying

    @Test("a death is told to whoever waits, with the last words; the idle one's to the steward")
    func dies() {
        let error = TrainerError.ended(how: "ended with exit code 7", lastWords: "boom")
        var conversation = working()
        #expect(conversation.ended("ended with exit code 7", lastWords: "boom") == [.answer(.failed(error))])
        #expect(error.mayRetry)
        var starting = TrainerConversation(limits: limits, threads: 1, folder: "/t")
        _ = starting.started(at: start)
        #expect(starting.ended("ended with exit code 7", lastWords: "boom") == [.giveUp(error)])
        var idle = ready()
        #expect(idle.ended("ended with exit code 7", lastWords: "boom") == [.note(error)])
        var cancelled = working()
        _ = cancelled.cancel(at: start)
        #expect(cancelled.ended("ended with exit code 7", lastWords: nil) == [.answer(.cancelled)])
    }
}
