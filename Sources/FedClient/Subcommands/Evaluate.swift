import Adapters
import ArgumentParser
import ClientDaemon
import FederatedLearning
import Foundation
import Training

/// Judges an adapter on the held-out texts of one data file.
struct Evaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge a PEFT directory on the held-out rows of a data file.",
        discussion: """
            Of a language model it prints loss and perplexity. Of a classifier it prints loss, accuracy and macro F1 with --labels; with --predictions it writes a JSON line with logits and \
            prediction for every held-out text, in the order of the file.
            """
    )

    @Option(help: ArgumentHelp("The base model's directory.", valueName: "folder"))
    var model: String

    @Option(help: ArgumentHelp("The PEFT directory to judge.", valueName: "folder"))
    var adapter: String

    @Option(help: ArgumentHelp("The data, JSONL or CSV.", valueName: "file"))
    var data: String

    @Option(
        help: ArgumentHelp("The class names in the order of the head's rows, separated by commas.", valueName: "names")
    )
    var labels: String?

    @Option(help: "Cut texts to so many tokens.")
    var maxLength = 128

    @Option(help: ArgumentHelp("Where to write the predictions.", valueName: "file"))
    var predictions: String?

    @Option(help: ArgumentHelp("How many threads to use.", valueName: "count"))
    var threads: Int?

    func run() async throws {
        let directory = try PEFTDirectory(reading: URL(fileURLWithPath: adapter, isDirectory: true))
        let trainer = try NativeTrainer(
            model: URL(fileURLWithPath: model, isDirectory: true),
            data: URL(fileURLWithPath: data),
            client: "local",
            threads: threads
        )
        let classCount = directory.adapter.savedTensors["classifier.weight"]?.shape.first ?? 0
        guard classCount == 0 || labels != nil || predictions != nil else {
            throw ValidationError("Give --labels to print figures, --predictions FILE to write predictions, or both.")
        }
        guard classCount > 0 || (labels == nil && predictions == nil) else {
            throw ValidationError("The adapter has no classifier: leave --labels and --predictions out.")
        }
        let task = TrainingTask(
            // Predictions need to know how many classes there are, and not what they are called.
            labels: labels?.commaSeparated ?? (0..<classCount).map { "class-\($0)" },
            settings: JobConfiguration.Training(maximumLength: maxLength)
        )
        if let predictions {
            try await write(trainer.predictions(directory.adapter, task: task), to: predictions)
        }
        if labels != nil || classCount == 0 {
            print(try await trainer.evaluate(directory.adapter, task: task).text)
        }
    }

    private func write(_ predictions: [Prediction], to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var lines = Data()
        for prediction in predictions {
            lines += try encoder.encode(prediction)
            lines.append(UInt8(ascii: "\n"))
        }
        do {
            try lines.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw ClientError.cannotWrite(path: path, reason: error.localizedDescription)
        }
    }
}
