import Adapters
import ClientDaemon
import FederatedLearning
import Foundation
import LinearAlgebra
import Logging

/// What a trainer that is a program of its own costs beyond its own time: writing and reading adapters, messages, checks.
enum CommandTrainerBenchmark: Benchmark {
    static let name = "command-trainer"
    private static let rounds = 101

    static func run() async throws -> [Row] {
        try await withScratchFolder { folder in
            let script = folder.appendingPathComponent("null_trainer.py")
            try Data(program.utf8).write(to: script)
            let directory = ClientDirectory(folder.appendingPathComponent("client"))
            let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
            let place = TrainerFolder(directory)
            let settings = TrainerSettings(command: ["python3", script.path])
            let host = TrainerHost(settings: settings, folder: place, threads: 1, logger: logger)
            let trainer = CommandTrainer(
                host: host,
                folder: place,
                model: folder,
                data: script,
                client: "benchmark",
                retries: 0,
                logger: logger
            )
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                defer { group.cancelAll() }
                return [try await row(trainer)]
            }
        }
    }

    private static func row(_ trainer: CommandTrainer) async throws -> Row {
        var adapter = adapter
        var (whole, own): ([Double], [Double]) = ([], [])
        for round in 1...rounds {
            let clock = ContinuousClock()
            let start = clock.now
            let outcome = try await trainer.train(adapter, for: order(round, .train)) { _ in }
            let report = try await trainer.evaluate(outcome.adapter, for: order(round, .evaluate))
            whole.append((clock.now - start) / .seconds(1))
            own.append((outcome.metrics["own"] ?? 0) + (report.metrics["own"] ?? 0))
            adapter = outcome.adapter
        }
        // The first round starts the program.
        let overheads = zip(whole, own).dropFirst().map { $0 - $1 }.sorted()
        let ownTimes = own.dropFirst().sorted()
        let (median, worst) = (overheads[overheads.count / 2], overheads[overheads.count * 95 / 100])
        return Row(
            "A round (training and evaluation) with a program as trainer, adapters of 300 kB (rank 8 on query and value)",
            figure: "\(median.milliseconds) beyond the program's own time, \(worst.milliseconds) in 95 of 100 rounds",
            yardstick:
                "bar 5 ms; the program, which copies the adapter, takes \(ownTimes[ownTimes.count / 2].milliseconds)",
            ratio: (median / 5e-3).times
        )
    }

    /// As the demo's: six layers of 384 with a head for five classes.
    private static var adapter: LoRAAdapter {
        var generator = CounterGenerator(seed: 1)
        func matrix(_ rows: Int, _ columns: Int) -> Matrix {
            Matrix(
                rows: rows,
                columns: columns,
                elements: (0..<rows * columns).map { _ in Float(generator.gaussian()) }
            )
        }
        var modules: [String: LoRAModule] = [:]
        for layer in 0..<6 {
            for name in ["query", "value"] {
                let path = "bert.encoder.layer.\(layer).attention.self.\(name)"
                modules[path] = LoRAModule(a: matrix(8, 384), b: matrix(384, 8), alpha: 16)
            }
        }
        let head = DenseTensor(shape: [5, 384], elements: matrix(5, 384).elements)
        return LoRAAdapter(modules: modules, savedTensors: ["classifier.weight": head])
    }

    private static func order(_ round: Int, _ kind: WorkOrder.Kind) -> WorkOrder {
        WorkOrder(
            id: .init(job: JobID(rawValue: "benchmark"), round: round, kind: kind),
            adapter: .init(digest: ContentDigest(hashing: [0]), byteCount: 0, rank: 8, alpha: 16),
            assignment: Assignment(
                jobName: "benchmark",
                model: "minilm",
                modelDigest: ContentDigest(hashing: [0]),
                task: .sequenceClassification,
                labels: (0..<5).map { "label-\($0)" },
                adapter: .init(
                    rank: 8,
                    alpha: 16,
                    targetModules: ["query", "value"],
                    modulesToSave: ["classifier"]
                ),
                training: .init(),
                evaluation: .init(),
                seed: 1
            )
        )
    }

    /// A trainer that gives back what it is given, and says how long that took from the line to the answer.
    private static let program = #"""
        import json, shutil, sys, time


        def say(type, **message):
            print(json.dumps({"type": type, **message}), flush=True)


        sys.stdin.readline()
        say("hello", version=1, name="null", tasks=["sequence-classification"])
        for line in sys.stdin:
            start = time.perf_counter()
            request = json.loads(line)
            if request["type"] == "train":
                shutil.copytree(request["adapter"], request["result"])
                own = {"own": time.perf_counter() - start}
                say("trained", id=request["id"], examples=1, steps=1, metrics=own)
            elif request["type"] == "evaluate":
                open(request["adapter"] + "/adapter_model.safetensors", "rb").read()
                own = {"own": time.perf_counter() - start}
                say("evaluated", id=request["id"], examples=1, metrics=own)
            elif request["type"] == "shutdown":
                break
        """#
}
