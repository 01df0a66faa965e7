import Adapters
import ArgumentParser
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import FedServer

struct AggregateCommandTests {
    @Test("writes a directory for each rank inside the one that was named, and each loads")
    func ranks() async throws {
        try await withAdapters { folder, adapters in
            let out = folder.appendingPathComponent("deep/out")
            try await run(
                "--strategy",
                "flexlora",
                "--rank",
                "1",
                "--rank",
                "3",
                "--out",
                out.path,
                adapters[0] + "=2",
                adapters[1]
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: out.path).sorted() == ["rank-1", "rank-3"])
            for rank in [1, 3] {
                let directory = try PEFTDirectory(reading: out.appendingPathComponent("rank-\(rank)"))
                #expect(directory.configuration.rank == rank)
                #expect(directory.configuration.alpha == 8)
                #expect(directory.adapter.modules["q"]?.rank == rank)
            }
        }
    }

    @Test("counts adapters by the weights behind the last =, and by 1 without")
    func weights() async throws {
        try await withAdapters { folder, adapters in
            func head(_ arguments: String...) async throws -> [Float]? {
                let out = folder.appendingPathComponent(UUID().uuidString)
                try await run(["--strategy", "flexlora", "--out", out.path] + arguments)
                return try PEFTDirectory(reading: out).adapter.savedTensors["classifier.bias"]?.elements
            }
            #expect(try await head(adapters[0], adapters[1]) == [2])
            #expect(try await head(adapters[0] + "=3", adapters[1]) == [1.5])
            #expect(try await head(adapters[0], adapters[1] + "=0") == [1])
            // A directory given twice counts twice.
            #expect(try await head(adapters[0], adapters[0], adapters[1] + "=2") == [2])
            // A directory's own name may have a `=` in it.
            let odd = folder.appendingPathComponent("run=3")
            try FileManager.default.copyItem(atPath: adapters[1], toPath: odd.path)
            #expect(try await head(odd.path) == [3])
            #expect(try await head(odd.path + "=1", adapters[0]) == [2])
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let message: String
        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test(
        "refuses wrong usage and adapters that do not fit, and leaves nothing behind",
        arguments: [
            Refusal(arguments: ["--strategy", "flexlora", "--mode", "delta", "A", "B"], message: "needs --global"),
            Refusal(arguments: ["--strategy", "flexlora", "--rank", "0", "A"], message: "at least 1"),
            Refusal(arguments: ["--strategy", "flexlora", "--rank", "2", "--rank", "2", "A"], message: "each once"),
            Refusal(arguments: ["--strategy", "flexlora", "--alpha=-1", "A"], message: "above 0"),
            Refusal(arguments: ["--strategy", "flexlora", "A=many", "B"], message: "'many' is no weight"),
            Refusal(arguments: ["--strategy", "flexlora", "A=-2", "B"], message: "at least 0"),
            Refusal(arguments: ["--strategy", "flexlora", "A=inf", "B"], message: "finite"),
            Refusal(arguments: ["--strategy", "flexlora", "A=0"], message: "positive weight"),
            Refusal(arguments: ["--strategy", "best", "A"], message: "Use one of"),
            Refusal(
                arguments: ["--strategy", "fedavg", "--mode", "delta", "--global", "A", "A"],
                message: "has no modes"
            ),
            Refusal(arguments: ["--strategy", "fedavg", "A", "B"], message: "Use equal ranks"),
            Refusal(arguments: ["--strategy", "flexlora", "A", "C"], message: "holds no adapter"),
            Refusal(arguments: ["--strategy", "flexlora", "--global", "C", "A"], message: "holds no adapter"),
        ]
    )
    func refusals(_ refusal: Refusal) async throws {
        try await withAdapters { folder, adapters in
            let paths = ["A": adapters[0], "B": adapters[1], "C": folder.appendingPathComponent("nothing").path]
            let arguments = refusal.arguments.map { argument in
                guard let first = argument.first, let path = paths[String(first)] else { return argument }
                return path + argument.dropFirst()
            }
            let out = folder.appendingPathComponent("deep/out")
            let error = await #expect(throws: (any Error).self) { try await run(arguments + ["--out", out.path]) }
            let message = error.map(AggregateCommand.message(for:)) ?? ""
            #expect(message.contains(refusal.message), "\(message)")
            #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("deep").path))
        }
    }

    @Test("never writes over what is there")
    func vacancy() async throws {
        try await withAdapters { _, adapters in
            let before = try PEFTDirectory(reading: URL(fileURLWithPath: adapters[1])).adapter
            await #expect(throws: AdapterError.self) {
                try await run("--strategy", "flexlora", "--out", adapters[1], adapters[0])
            }
            #expect(try PEFTDirectory(reading: URL(fileURLWithPath: adapters[1])).adapter == before)
        }
    }

    // MARK: - Helpers

    private func run(_ arguments: String...) async throws { try await run(arguments) }

    private func run(_ arguments: [String]) async throws {
        try await AggregateCommand.parse(arguments).run()
    }

    /// Lends a folder with two adapters of ranks 1 and 2, whose heads' biases are 1 and 3.
    private func withAdapters(_ body: (URL, [String]) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            let paths = try [("a", 1, Float(1)), ("b", 2, 3)].map { name, rank, bias in
                var adapter = LoRAAdapter.initial(
                    for: [LinearLayer(path: "q", outputWidth: 4, inputWidth: 5)],
                    rank: rank,
                    alpha: 8,
                    seed: UInt64(rank)
                )
                adapter.modules["q"]?.b = Matrix(rows: 4, columns: rank, elements: (0..<4 * rank).map(Float.init))
                adapter.savedTensors["classifier.bias"] = DenseTensor(shape: [1], elements: [bias])
                let configuration = PEFTConfiguration(
                    rank: rank,
                    alpha: 8,
                    targetModules: .names(["q"]),
                    modulesToSave: ["classifier"]
                )
                let directory = folder.appendingPathComponent(name)
                try PEFTDirectory(configuration: configuration, adapter: adapter).write(to: directory)
                return directory.path
            }
            try await body(folder, paths)
        }
    }
}
