import Adapters
import Aggregation
import ClientDaemon
import FederatedLearning
import Foundation
import InMemoryLogging
import LinearAlgebra
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

/// A trainer's process in good and in bad behaviour: real processes, real files.
@Suite("CommandTrainer", .timeLimit(.minutes(2)))
struct CommandTrainerTests {
    /// What a test works with.
    struct Bench: Sendable {
        let trainer: CommandTrainer
        let host: TrainerHost
        let folder: TrainerFolder
        let directory: ClientDirectory
        let log: InMemoryLogHandler

        func train(
            _ adapter: LoRAAdapter = .counting(),
            for order: WorkOrder = Sample.order(),
            progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
        ) async throws -> TrainingOutcome {
            try await trainer.train(adapter, for: order, progress: progress)
        }

        /// What a training failed with.
        func trainingError(for order: WorkOrder = Sample.order()) async -> TrainerError? {
            await #expect(throws: TrainerError.self) { _ = try await train(for: order) }
        }
    }

    private func withTrainer<Result: Sendable>(
        _ behaviour: String,
        limits: TrainerLimits = TrainerLimits(),
        retries: Int = 0,
        command: [String]? = nil,
        _ body: @Sendable @escaping (Bench) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { url in
            let directory = ClientDirectory(url.appendingPathComponent("client"))
            let log = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in log }
            let folder = TrainerFolder(directory)
            let settings = TrainerSettings(
                command: try command ?? FakeTrainer.command(behaviour, in: url),
                limits: limits,
                retries: retries
            )
            let host = TrainerHost(settings: settings, folder: folder, threads: 1, logger: logger)
            let trainer = CommandTrainer(
                host: host,
                folder: folder,
                model: url.appendingPathComponent("model"),
                data: url.appendingPathComponent("texts.jsonl"),
                client: "berlin",
                retries: retries,
                logger: logger
            )
            let bench = Bench(trainer: trainer, host: host, folder: folder, directory: directory, log: log)
            return try await withThrowingTaskGroup(of: Result?.self) { group in
                group.addTask {
                    try await host.run()
                    return nil
                }
                group.addTask { try await body(bench) }
                defer { group.cancelAll() }
                while let result = try await group.next() {
                    if let result { return result }
                }
                throw CancellationError()
            }
        }
    }

    // MARK: - Good behaviour

    @Test("trains and evaluates in one process, and leaves nothing of a request behind")
    func trains() async throws {
        try await withTrainer("honest") { bench in
            let steps = Mutex<[TrainingProgress]>([])
            let first = try await bench.train { step in steps.withLock { $0.append(step) } }
            #expect(first.adapter == LoRAAdapter.counting().doubled)
            #expect(first.exampleCount == 12)
            #expect(first.stepCount == 2)
            #expect(first.metrics["loss"] == 0.25)
            #expect(first.metrics["seconds"] != nil)
            #expect(steps.withLock { $0 } == [TrainingProgress(step: 1, stepCount: 2, loss: 0.5)])
            let process = try await bench.host.ready().release
            let second = try await bench.train(first.adapter, for: Sample.order(round: 2))
            #expect(second.adapter == first.adapter.doubled)
            let report = try await bench.trainer.evaluate(second.adapter, for: Sample.order(round: 2, kind: .evaluate))
            #expect(report == EvaluationReport(exampleCount: 3, metrics: ["accuracy": 0.5]))
            #expect(try await bench.host.ready().release == process, "it stays resident")
            let left = try FileManager.default.contentsOfDirectory(atPath: bench.folder.url.path)
            #expect(!left.contains { $0.hasPrefix("request-") })
        }
    }

    @Test("the process gets its folder, three descriptors and five variables, and nothing else")
    func isolates() async throws {
        try await withTrainer("surroundings") { bench in
            let error = try #require(await bench.trainingError())
            guard case .failed(let reason, _) = error else {
                Issue.record("\(error)")
                return
            }
            let names = #"["HOME", "LANG", "PATH", "PYTHONUNBUFFERED", "TMPDIR"]"#
            #expect(reason == #"[\#(names), [0, 1, 2], "0o700", true, true]"#)
        }
    }

    @Test("a cancelled training ends when the trainer says so, and the next one is made of the same process")
    func cancels() async throws {
        try await withTrainer("polite") { bench in
            let (began, beganContinuation) = AsyncStream.makeStream(of: Void.self)
            let work = Task { try await bench.train { _ in beganContinuation.yield() } }
            _ = await began.first { _ in true }
            let process = try await bench.host.ready().release
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(try await bench.host.ready().release == process)
        }
    }

    @Test("one that does not let go is ended")
    func cancelsTheStubborn() async throws {
        try await withTrainer("stubborn", limits: TrainerLimits(ending: .milliseconds(200))) { bench in
            let (began, beganContinuation) = AsyncStream.makeStream(of: Void.self)
            let work = Task { try await bench.train { _ in beganContinuation.yield() } }
            _ = await began.first { _ in true }
            let process = try await bench.host.ready().release
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(try await bench.host.ready().release != process)
        }
    }

    @Test("what a process has started ends with it")
    func endsChildren() async throws {
        let process = try await withTrainer("leaves-a-child") { bench in
            _ = try await bench.train()
            let process = try #require(Int32(try await bench.host.ready().release))
            #expect(TrainerUsage(ofSession: process, folder: bench.folder.url).memory > 0)
            return process
        }
        #expect(TrainerUsage(ofSession: process, folder: URL(fileURLWithPath: "/nowhere")).memory == 0)
    }

    // MARK: - Bad behaviour

    struct Misdeed: Sendable, CustomTestStringConvertible {
        let behaviour: String
        let complaint: String
        var limits = TrainerLimits()
        /// What the clock advances by, as the host sees it, once the training has begun.
        var passing: Duration?
        var testDescription: String { behaviour }
    }

    @Test(
        "bad behaviour is a sentence for the steward, nothing for the server, and the host goes on",
        arguments: [
            Misdeed(behaviour: "rubbish", complaint: "the line `Epoch 1/3` is not JSON"),
            Misdeed(behaviour: "long-line", complaint: "is longer than 1048576 bytes"),
            Misdeed(
                behaviour: "hang",
                complaint: "said nothing for",
                limits: TrainerLimits(silence: .seconds(600)),
                passing: .seconds(601)
            ),
            Misdeed(
                behaviour: "hang",
                complaint: "did not finish within",
                limits: TrainerLimits(silence: .seconds(7200), time: .seconds(3600)),
                passing: .seconds(3601)
            ),
            Misdeed(behaviour: "exit", complaint: "ended with exit code 7. Its last line was: Traceback: boom."),
            Misdeed(behaviour: "killed", complaint: "was ended by signal 9"),
            Misdeed(behaviour: "close", complaint: "was ended by signal 15"),
            Misdeed(
                behaviour: "disk",
                complaint: "more than the 16 MiB of `trainer.disk`",
                limits: TrainerLimits(silence: .seconds(60), ending: .milliseconds(100), disk: 16 << 20)
            ),
            Misdeed(
                behaviour: "memory",
                complaint: "more than the 128 MiB of `trainer.memory`",
                limits: TrainerLimits(ending: .milliseconds(100), memory: 128 << 20)
            ),
            Misdeed(behaviour: "failed", complaint: "could not do this work: CUDA out of memory"),
            Misdeed(behaviour: "dots", complaint: "'../escaped' leads out of the request's folder"),
            Misdeed(behaviour: "link", complaint: "none is followed"),
            Misdeed(
                behaviour: "missing",
                complaint: "No such file or directory. Write a PEFT directory before `trained`."
            ),
            Misdeed(behaviour: "not-safetensors", complaint: "is not a safetensors file"),
        ]
    )
    func complains(_ misdeed: Misdeed) async throws {
        try await withTrainer(misdeed.behaviour, limits: misdeed.limits) { bench in
            let error = try #require(
                await #expect(throws: TrainerError.self) {
                    _ = try await bench.train { _ in
                        guard let passing = misdeed.passing else { return }
                        Task { await bench.host.look(at: .now + passing) }
                    }
                }
            )
            #expect(error.description.contains(misdeed.complaint), "\(error)")
            #expect(Disclosure.reason(for: error) == "The silo's trainer failed; the silo's own log says why.")
            // The next order is worked as if nothing had been.
            let report = try await bench.trainer.evaluate(.counting(), for: Sample.order(kind: .evaluate))
            #expect(report.exampleCount == 3)
        }
    }

    @Test(
        "what a round cannot use of a trainer's result is refused as the native trainer's would be",
        arguments: [
            ("nan", "NaN"), ("other-module", "unknown"), ("other-rank", "rank"), ("no-examples", "0 training examples"),
        ]
    )
    func refusesResults(behaviour: String, complaint: String) async throws {
        try await withTrainer(behaviour) { bench in
            let order = Sample.order()
            let work = ClientWork(
                client: "berlin",
                maximumRank: 16,
                modelDigest: order.assignment.modelDigest,
                trainer: bench.trainer
            )
            let error = await #expect(throws: FederatedLearningError.self) {
                _ = try await work.train(.counting(), for: order)
            }
            #expect(error.map { "\($0)" }?.contains(complaint) == true, "\(String(describing: error))")
        }
    }

    @Test("a frozen factor that has changed is refused")
    func refusesChangedFactors() async throws {
        try await withTrainer("changes-a") { bench in
            let plain = Sample.order()
            let order = WorkOrder(
                id: plain.id,
                adapter: plain.adapter,
                assignment: .sample(rules: LocalRules(scope: UpdateScope(trained: .b)))
            )
            let error = try #require(await bench.trainingError(for: order))
            #expect(error.description.contains("factor A of 'bert.encoder.layer.0.attention.self.query' has changed"))
        }
    }

    @Test(
        "work that a process did not live to finish is begun again by the next",
        arguments: ["exit-once", "rubbish-once", "failed-once"]
    )
    func retries(behaviour: String) async throws {
        try await withTrainer(behaviour, retries: 1) { bench in
            let outcome = try await bench.train()
            #expect(outcome.adapter == LoRAAdapter.counting().doubled)
            let warnings = bench.log.entries.filter { $0.level == .warning }
            #expect(warnings.map { "\($0.message)" } == ["The trainer's work is begun again"])
            #expect("\(warnings.first?.metadata["attempt"] ?? "")" == "2 of 2")
        }
    }

    @Test("as often as the steward allows, and no more")
    func givesUp() async throws {
        try await withTrainer("exit", retries: 2) { bench in
            _ = await bench.trainingError()
            #expect(bench.log.entries.count { $0.message == "The trainer's work is begun again" } == 2)
            #expect(bench.log.entries.contains { "\($0.metadata["says"] ?? "")" == "Traceback: boom" })
        }
    }

    @Test("a process that dies between rounds is told of and started again when it is needed")
    func restarts() async throws {
        try await withTrainer("dies-idle", retries: 3) { bench in
            let outcome = try await bench.train()
            #expect(outcome.exampleCount == 12)
        }
    }

    // MARK: - Starting and ending

    @Test(
        "a trainer that does not start says why",
        arguments: [
            Misdeed(
                behaviour: "dies-at-once",
                complaint: "ended with exit code 1. Its last line was: ModuleNotFoundError: No module named 'torch'."
            ),
            Misdeed(
                behaviour: "silent",
                complaint: "said nothing for",
                limits: TrainerLimits(start: .milliseconds(300))
            ),
        ]
    )
    func startsBadly(_ misdeed: Misdeed) async throws {
        try await withTrainer(misdeed.behaviour, limits: misdeed.limits) { bench in
            let error = await #expect(throws: TrainerError.self) { try await bench.host.ready() }
            #expect(error?.description.contains(misdeed.complaint) == true, "\(String(describing: error))")
        }
    }

    @Test("a program that is not there is told by its name")
    func isMissing() async throws {
        for program in ["no-such-program", "/no/such/program"] {
            try await withTrainer("", command: [program]) { bench in
                let error = try #require(await #expect(throws: TrainerError.self) { try await bench.host.ready() })
                #expect(error.description.contains("'\(program)'"), "\(error)")
                #expect(!error.mayRetry)
            }
        }
    }

    @Test("a graceful stop asks the process to end, and ends a deaf one", arguments: ["honest", "deaf"])
    func stops(behaviour: String) async throws {
        try await withTemporaryDirectory { url in
            let log = InMemoryLogHandler()
            let host = TrainerHost(
                settings: TrainerSettings(
                    command: try FakeTrainer.command(behaviour, in: url),
                    limits: TrainerLimits(ending: behaviour == "deaf" ? .milliseconds(200) : .seconds(60))
                ),
                folder: TrainerFolder(ClientDirectory(url.appendingPathComponent("client"))),
                threads: 1,
                logger: Logger(label: "test") { _ in log }
            )
            let group = ServiceGroup(services: [host], logger: .silent)
            let run = Task { try await group.run() }
            _ = try await host.ready()
            await group.triggerGracefulShutdown()
            try await run.value
            let ends = log.entries.filter { $0.message == "The trainer has ended" }
            #expect(
                ends.map { "\($0.metadata["how"] ?? "")" }
                    == [behaviour == "deaf" ? "was ended by signal 15" : "ended with exit code 0"]
            )
            await #expect(throws: TrainerError.closed) { try await host.ready() }
        }
    }

    // MARK: - Orders that it does not take

    @Test("an order that needs more than the trainer offers is refused, with what is missing")
    func refusesOrders() async throws {
        try await withTrainer("honest") { bench in
            let plain = Sample.order()
            let proximal = WorkOrder(
                id: plain.id,
                adapter: plain.adapter,
                assignment: .sample(training: .init(proximalMu: 0.1))
            )
            let error = try #require(await bench.trainingError(for: proximal))
            #expect(error == .lacksFeatures([.proximal]))
            #expect(Disclosure.reason(for: error).contains("`proximal`"))

            var cored = LoRAAdapter.counting()
            let core = Matrix(rows: 4, columns: 4, elements: .init(repeating: 1, count: 16))
            for path in cored.modules.keys { cored.modules[path]?.core = core }
            let adapter = cored
            let refusal = await #expect(throws: TrainerError.self) { _ = try await bench.train(adapter) }
            #expect(refusal?.description.contains("trains cores") == true)
        }
    }

    // MARK: - Other kinds than LoRA

    /// VeRA, with a projection that nobody trains.
    private static let vera = LoRAAdapter(
        modules: [:],
        savedTensors: [
            "bert.query.vera_lambda_b": DenseTensor(shape: [2], elements: [1, 2]),
            ".base_model.vera_A": DenseTensor(shape: [1, 2], elements: [3, 4]),
        ]
    )
    private static let veraConfiguration = #"{"peft_type": "VERA", "r": 1, "projection_prng_key": 5}"#

    private static func veraOrder() -> WorkOrder {
        let plain = Sample.order()
        let start = AdapterStart(configuration: veraConfiguration)
        return WorkOrder(
            id: plain.id,
            adapter: .init(digest: plain.adapter.digest, byteCount: 1000, rank: 1, alpha: 1),
            assignment: .sample(adapter: .init(rank: 1, alpha: 1, targetModules: [], start: start))
        )
    }

    @Test("an adapter of another kind goes to the trainer as PEFT writes it, and comes back by name")
    func trainsOtherKinds() async throws {
        try await withTrainer("honest") { bench in
            let outcome = try await bench.train(Self.vera, for: Self.veraOrder())
            var expected = Self.vera
            expected.savedTensors["bert.query.vera_lambda_b"]?.elements = [2, 4]
            #expect(outcome.adapter == expected)
        }
    }

    @Test(
        "one whose tensors mean something else when it comes back is refused",
        arguments: [
            ("changes-a", "'.base_model.vera_A' has changed, which nobody trains"),
            ("other-kind", "has another 'r' than the one that was handed out"),
        ]
    )
    func refusesOtherMeanings(behaviour: String, complaint: String) async throws {
        try await withTrainer(behaviour) { bench in
            let error = await #expect(throws: TrainerError.self) {
                _ = try await bench.train(Self.vera, for: Self.veraOrder())
            }
            #expect(error?.description.contains(complaint) == true, "\(error?.description ?? "")")
        }
    }

    @Test("the native trainer says that it trains LoRA alone")
    func nativeTrainersRefuse() async throws {
        let trainers = NativeTrainers(
            library: ModelLibrary(directories: []),
            data: URL(fileURLWithPath: "/nowhere"),
            client: "berlin",
            threads: 1
        )
        let error = await #expect(throws: OrderRefusal.self) { _ = try await trainers.trainer(for: Self.veraOrder()) }
        #expect(error.map { Disclosure.reason(for: $0) }?.contains("another kind than LoRA") == true)
    }

    @Test("the digest of the base model is compared before the program hears of it")
    func pinsTheModel() async throws {
        try await withTemporaryDirectory { url in
            let model = url.appendingPathComponent("tiny")
            try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
            try Data([0]).write(to: model.appendingPathComponent("model.safetensors"))
            let trainers = CommandTrainers(
                settings: TrainerSettings(command: try FakeTrainer.command("honest", in: url)),
                directory: ClientDirectory(url.appendingPathComponent("client")),
                library: ModelLibrary(named: ["tiny": model], cache: url),
                data: url.appendingPathComponent("texts.jsonl"),
                client: "berlin",
                threads: 1,
                logger: .silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await trainers.run() }
                let order = Sample.order()
                let resident = try await trainers.trainer(for: order)
                #expect(resident.digest == order.assignment.modelDigest)
                #expect(resident.tasks == [.sequenceClassification])
                let outcome = try await resident.trainer.train(.counting(), for: order) { _ in }
                #expect(outcome.adapter == LoRAAdapter.counting().doubled)
                try Data([1, 2]).write(to: model.appendingPathComponent("model.safetensors"))
                await #expect(throws: ClientError.self) { try await trainers.trainer(for: order) }
                group.cancelAll()
            }
        }
    }
}

extension Assignment {
    /// ``Sample/assignment`` with other rules or settings.
    fileprivate static func sample(
        adapter: JobConfiguration.Adapter? = nil,
        rules: LocalRules = .plain,
        training: JobConfiguration.Training = .init()
    ) -> Assignment {
        let plain = Sample.assignment
        return Assignment(
            jobName: plain.jobName,
            model: plain.model,
            modelDigest: plain.modelDigest,
            task: plain.task,
            labels: plain.labels,
            adapter: adapter ?? plain.adapter,
            training: training,
            evaluation: plain.evaluation,
            seed: plain.seed,
            rules: rules
        )
    }
}
