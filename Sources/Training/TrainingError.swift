/// Why a model, a data file or a training was refused.
package enum TrainingError: Error, Equatable {
    // Files
    case unreadableFile(path: String, reason: String)
    /// A model that the native trainer does not know.
    case unsupportedModel(file: String, problem: String, remedy: String)
    /// A value of `config.json` that is missing or makes no sense.
    case invalidConfiguration(file: String, key: String, problem: String)
    /// A weight that is missing, or whose shape does not follow from `config.json`.
    case unsuitableWeight(file: String, tensor: String, problem: String)

    // Data
    case unknownDataFormat(path: String)
    case invalidRow(path: String, line: Int, problem: String, remedy: String)
    case noRows(path: String)
    case noTrainingRows(path: String)
    case unknownLabel(path: String, line: Int, label: String, nearest: String?, known: [String])

    // Work
    case unsupportedTask(String, possible: [String])
    case invalidSetting(key: String, problem: String, remedy: String)
    /// A module or tensor of the adapter that has no place in the model.
    case unsuitableAdapter(name: String, problem: String, remedy: String)
    case divergedLoss(step: Int, loss: Double)
}

extension TrainingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadableFile(let path, let reason):
            "'\(path)' cannot be read: \(reason). Check the path and its permissions."
        case .unsupportedModel(let file, let problem, let remedy):
            "'\(file)' \(problem). \(remedy)"
        case .invalidConfiguration(let file, let key, let problem):
            "`\(key)` in '\(file)' \(problem). Copy the config.json that belongs to the weights."
        case .unsuitableWeight(let file, let tensor, let problem):
            "'\(tensor)' in '\(file)' \(problem). Copy config.json and model.safetensors from the same model."
        case .unknownDataFormat(let path):
            "'\(path)' is neither JSON lines nor CSV. Give a file whose name ends in .jsonl, .csv or .tsv."
        case .invalidRow(let path, let line, let problem, let remedy):
            "'\(path)' line \(line): \(problem). \(remedy)"
        case .noRows(let path):
            "'\(path)' has no rows. Give a file with one labelled text a row."
        case .noTrainingRows(let path):
            "'\(path)' has no rows to train on. Mark some with split `train`, or leave the split out."
        case .unknownLabel(let path, let line, let label, let nearest, let known):
            "'\(path)' line \(line): the job knows no label '\(label)'. "
                + (nearest.map { "Did you mean '\($0)'? " } ?? "") + "Its labels are \(Self.list(known))."
        case .unsupportedTask(let task, let possible):
            "This base model cannot do the task '\(task)'. Write `task: \(possible.joined(separator: "` or `"))`, or use another model."
        case .invalidSetting(let key, let problem, let remedy):
            "`\(key)` \(problem). \(remedy)"
        case .unsuitableAdapter(let name, let problem, let remedy):
            "'\(name)' of the adapter \(problem). \(remedy)"
        case .divergedLoss(let step, let loss):
            "The training loss is \(loss) at step \(step). Lower `learning_rate`."
        }
    }

    /// A row without the label that a classification needs.
    static func unlabelled(path: String, line: Int) -> TrainingError {
        .invalidRow(path: path, line: line, problem: "has no `label`", remedy: "Give every text the name of its class.")
    }

    /// The first dozen of `names`.
    private static func list(_ names: [String]) -> String {
        names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
    }
}
