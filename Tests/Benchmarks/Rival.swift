import Foundation

/// The same work done by a script with other people's libraries, timed there.
enum Rival {
    /// Runs `rival_flexlora.py`.
    ///
    /// - Parameters:
    ///   - size: Height and width of the layer.
    ///   - clients: How many clients there are.
    ///   - rank: Their rank.
    ///   - triplets: How many singular triplets are wanted.
    /// - Returns: Library names with their times in seconds; empty where Python has none of the libraries.
    static func flexLoRATimes(size: Int, clients: Int, rank: Int, triplets: Int) -> [(library: String, seconds: Double)]
    {
        times(of: "rival_flexlora.py", [size, clients, rank, triplets].map(String.init))
    }

    /// Runs `rival_training.py`.
    ///
    /// - Parameters:
    ///   - model: A Hugging Face directory.
    ///   - data: JSON lines with `ids` and `label`.
    ///   - labels: How many labels there are.
    ///   - size: How many texts a step has.
    ///   - length: Longer texts are cut to so many tokens.
    ///   - steps: How many steps count.
    ///   - options: What is done otherwise.
    /// - Returns: The median seconds of a step; `nil` where Python has no PyTorch and PEFT, or Opacus where it is needed.
    static func trainingStep(
        model: URL,
        data: URL,
        labels: Int,
        size: Int,
        length: Int,
        steps: Int,
        _ options: TrainingOptions
    ) -> Double? {
        let numbers = [labels, size, length, steps].map(String.init)
        let words =
            (options.contains(.padded) ? ["pad"] : []) + (options.contains(.protectsExamples) ? ["private"] : [])
        return times(of: "rival_training.py", [model.path, data.path] + numbers + words).first?.seconds
    }

    /// What `rival_training.py` may do otherwise.
    struct TrainingOptions: OptionSet {
        let rawValue: Int

        /// Texts are padded to the length, and not to the longest of their batch.
        static let padded = TrainingOptions(rawValue: 1)
        /// DP-SGD with Opacus.
        static let protectsExamples = TrainingOptions(rawValue: 2)
    }

    /// Runs `rival_simulation.py`.
    ///
    /// - Parameters:
    ///   - model: A Hugging Face directory.
    ///   - clients: The data file of each client of a round.
    /// - Returns: The steps a second of a warm round, and the script's peak memory; `nil` where Python has no PyTorch and
    ///   PEFT.
    static func simulatedRound(model: URL, clients: [URL]) -> (stepsPerSecond: Double, mebibytes: Double)? {
        let words = output(of: "rival_simulation.py", [model.path] + clients.map(\.path)).split(separator: " ")
        guard words.count == 4, let steps = Double(words[1]), let milliseconds = Double(words[2]),
            let mebibytes = Double(words[3].trimmingCharacters(in: .whitespacesAndNewlines))
        else { return nil }
        return (1000 * steps / milliseconds, mebibytes)
    }

    /// Runs `rival_flower.py`.
    ///
    /// - Parameters:
    ///   - model: A Hugging Face directory.
    ///   - clients: The data file of each client of a round.
    /// - Returns: The steps a second of a warm round in Flower's simulation; `nil` where Python has no Flower, PyTorch and PEFT.
    static func flowerRound(model: URL, clients: [URL]) -> Double? {
        let words = output(of: "rival_flower.py", [model.path] + clients.map(\.path))
            .split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let steps = Double(words[1]), let milliseconds = Double(words[2]) else { return nil }
        return 1000 * steps / milliseconds
    }

    /// Runs a script, and returns what it printed: names with times, which are milliseconds there and seconds here.
    private static func times(of name: String, _ arguments: [String]) -> [(library: String, seconds: Double)] {
        output(of: name, arguments).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let milliseconds = Double(words[1]) else { return nil }
            return (String(words[0]), milliseconds * 1e-3)
        }
    }

    /// What a script printed; nothing when it could not be run.
    private static func output(of name: String, _ arguments: [String]) -> String {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] ?? "python3"
        process.arguments = [python, script.path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"]
        ) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return "" }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }

    /// Said where there is nothing to compare with.
    static let missing = "no rival: TRIBUTARY_PYTHON or python3 finds no NumPy, PyTorch or PEFT"
}
