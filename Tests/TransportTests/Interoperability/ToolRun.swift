import Foundation
import Synchronization

/// One run of an outside program: its input given at once, its output collected, its time bounded.
struct ToolRun: Sendable {
    let status: Int32
    let output: Data
    let errors: String

    /// Runs a program that is found on the path.
    ///
    /// - Parameters:
    ///   - arguments: The program's name and its arguments.
    ///   - input: What it reads from its standard input.
    ///   - patience: After how many seconds it is killed.
    ///   - onFirstOutput: Called with the first piece of its output, when it comes.
    /// - Throws: When the program cannot be started or its output cannot be read.
    init(
        _ arguments: [String],
        input: [UInt8] = [],
        patience: Int = 30,
        onFirstOutput: @escaping @Sendable (Data) -> Void = { _ in }
    ) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "-s", "KILL", "\(patience)"] + arguments
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        let (exits, exit) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            exit.yield(process.terminationStatus)
            exit.finish()
        }
        try process.run()
        async let output = Self.readAll(stdout.fileHandleForReading, onFirstOutput)
        async let errors = Self.readAll(stderr.fileHandleForReading) { _ in }
        // A program that has already ended takes no input; its output says why.
        try? stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try? stdin.fileHandleForWriting.close()
        self.output = await output
        self.errors = String(decoding: await errors, as: UTF8.self)
        var iterator = exits.makeAsyncIterator()
        self.status = await iterator.next() ?? -1
    }

    /// Reads to the end on a thread of its own, because reading a pipe blocks.
    private static func readAll(
        _ handle: FileHandle,
        _ onFirst: @escaping @Sendable (Data) -> Void
    ) async -> Data {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var all = Data()
                while case let piece = handle.availableData, !piece.isEmpty {
                    if all.isEmpty { onFirst(piece) }
                    all += piece
                }
                continuation.resume(returning: all)
            }
        }
    }
}
