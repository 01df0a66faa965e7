import Adapters
import ArgumentParser
import ClientDaemon
import FederatedLearning
import Foundation
import Training

/// Trains an adapter on one data file, without a federation.
struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train an adapter on local data alone, and write it as a PEFT directory."
    )

    @Option(help: ArgumentHelp("The base model's directory.", valueName: "folder"))
    var model: String

    @Option(help: ArgumentHelp("The data, JSONL or CSV.", valueName: "file"))
    var data: String

    @Option(help: ArgumentHelp("The PEFT directory to write.", valueName: "folder"))
    var out: String

    @Option(help: "The adapter's rank.")
    var rank = 8

    @Option(help: "LoRA's alpha; by default twice the rank.")
    var alpha: Double?

    @Option(help: ArgumentHelp("The layers to adapt, separated by commas.", valueName: "names"))
    var targetModules = "query,value"

    @Option(
        help: ArgumentHelp(
            "The class names in the order of the head's rows, separated by commas; by default those of the data.",
            valueName: "names"
        )
    )
    var labels: String?

    @Option(help: "How many times to go through the data.")
    var epochs = 1

    @Option(help: "Stop after so many steps.")
    var maxSteps: Int?

    @Option(help: "How many texts a step uses.")
    var batchSize = 16

    @Option(help: "Cut texts to so many tokens.")
    var maxLength = 128

    @Option(help: "How far a step goes.")
    var learningRate = 1e-3

    @Option(help: "Decides the initial adapter and the order of the texts.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("How many threads to use.", valueName: "count"))
    var threads: Int?

    func validate() throws {
        guard ClientConfiguration.ranks.contains(rank) else {
            throw ValidationError("--rank takes a number from 1 to \(ClientConfiguration.ranks.upperBound).")
        }
        if let alpha, !(alpha.isFinite && alpha > 0) { throw ValidationError("--alpha takes a positive number.") }
        guard learningRate.isFinite, learningRate > 0 else {
            throw ValidationError("--learning-rate takes a positive number.")
        }
    }

    func run() async throws {
        let destination = URL(fileURLWithPath: out, isDirectory: true)
        guard !FileManager.default.fileExists(atPath: destination.path) else {
            throw ClientError.outputExists(path: destination.path)
        }
        let adapter = JobConfiguration.Adapter(
            rank: rank,
            alpha: alpha ?? Double(2 * rank),
            targetModules: targetModules.commaSeparated,
            modulesToSave: ["classifier"]
        )
        let tuning = try LocalFineTuning(
            LocalFineTuning.Plan(
                model: URL(fileURLWithPath: model, isDirectory: true),
                data: URL(fileURLWithPath: data),
                labels: labels?.commaSeparated,
                adapter: adapter,
                training: JobConfiguration.Training(
                    epochs: epochs,
                    maximumSteps: maxSteps,
                    batchSize: batchSize,
                    maximumLength: maxLength,
                    learningRate: learningRate
                ),
                seed: seed,
                threads: threads
            )
        )
        let meter = ProgressLine()
        let result = try await tuning.run { meter.show($0) }
        meter.end()
        try PEFTDirectory(
            configuration: PEFTConfiguration(
                rank: adapter.rank,
                alpha: adapter.alpha,
                targetModules: .names(adapter.targetModules),
                modulesToSave: result.labels.isEmpty ? [] : adapter.modulesToSave,
                taskType: result.labels.isEmpty ? "CAUSAL_LM" : "SEQ_CLS",
                baseModel: URL(fileURLWithPath: model).lastPathComponent
            ),
            adapter: result.adapter
        ).write(to: destination)
        if !result.labels.isEmpty { print("labels    \(result.labels.joined(separator: ", "))") }
        print("before    \(result.before.text)")
        print("after     \(result.after.text)")
        print(destination.standardizedFileURL.path)
    }
}
