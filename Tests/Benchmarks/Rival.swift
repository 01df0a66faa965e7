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
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "rival_flexlora.py"
        )
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] ?? "python3"
        process.arguments = [python, script.path] + [size, clients, rank, triplets].map(String.init)
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"]
        ) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return [] }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let milliseconds = Double(words[1]) else { return nil }
            return (String(words[0]), milliseconds * 1e-3)
        }
    }

    /// Said where there is nothing to compare with.
    static let missing = "no rival: TRIBUTARY_PYTHON or python3 finds neither NumPy nor PyTorch"
}
