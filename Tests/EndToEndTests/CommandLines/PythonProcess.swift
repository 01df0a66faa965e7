import Foundation

/// Runs Python, for what only its libraries can tell.
enum PythonProcess {
    /// The first Python that has a library for JSON Schema and one for YAML; `nil` where there is none.
    static let withSchemas: String? = ["python3", "/usr/bin/python3"].first { program in
        (try? run(program, ["-c", "import jsonschema, yaml"]).status) == 0
    }

    /// Runs a program to its end.
    ///
    /// - Returns: What it wrote to both outputs, and how it ended.
    static func run(
        _ program: String,
        _ arguments: [String],
        input: String = ""
    ) throws -> (output: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stdout
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: output, as: UTF8.self), process.terminationStatus)
    }

    /// The folder of the package, from this file on.
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
}
