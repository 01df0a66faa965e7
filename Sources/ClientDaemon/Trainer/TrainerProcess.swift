import Foundation
private import Subprocess
private import SystemPackage

/// Runs one process of a trainer: starts it with nothing but what it is meant to have, and carries bytes.
///
/// The process leads a session of its own, so that all it starts can be ended with it. It inherits no descriptor but the
/// three standard ones, and no variable of the environment.
struct TrainerProcess: Sendable {
    /// What happens to the process.
    enum Event: Sendable {
        case started(process: Int32)
        case output([UInt8])
        case errors([UInt8])
    }

    let settings: TrainerSettings
    /// Its working folder, which is there.
    let folder: URL

    /// What is started.
    var program: String { settings.command.first ?? "" }

    /// Runs the process to its end.
    ///
    /// - Parameters:
    ///   - input: Lines for its standard input.
    ///   - ending: Ends when the process has to; it is asked to by SIGTERM, and killed a moment later.
    ///   - handle: Takes each event; the next bytes are read when it returns.
    /// - Returns: How it ended, as the end of a sentence.
    /// - Throws: ``TrainerError/notFound(program:)`` or ``TrainerError/cannotStart(program:reason:)``.
    @concurrent
    func run(
        input: AsyncStream<[UInt8]>,
        ending: AsyncStream<Never>,
        handle: @Sendable @escaping (Event) async -> Void
    ) async throws(TrainerError) -> String {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = Self.teardown
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(Array(settings.command.dropFirst())),
                environment: .custom(variables),
                workingDirectory: FilePath(folder.path),
                platformOptions: options,
                input: .inputWriter,
                output: .sequence,
                error: .sequence
            ) { execution in
                await handle(.started(process: execution.processIdentifier.value))
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        // A process that is gone does not read; the end of its output tells of that.
                        for await line in input { _ = try? await execution.standardInputWriter.write(line) }
                        try? await execution.standardInputWriter.finish()
                        return false
                    }
                    group.addTask {
                        await Self.pump(execution.standardError) { await handle(.errors($0)) }
                        return false
                    }
                    group.addTask {
                        await Self.pump(execution.standardOutput) { await handle(.output($0)) }
                        return true
                    }
                    group.addTask {
                        for await _ in ending {}
                        return true
                    }
                    for await isLast in group where isLast { break }
                    await execution.teardown(using: Self.teardown)
                    // Whatever it has started is in its process group, and outlives it otherwise.
                    try? execution.send(signal: .kill, toProcessGroup: true)
                    group.cancelAll()
                }
            }
            return Self.description(of: result.terminationStatus)
        } catch let error as SubprocessError {
            if error.code == .executableNotFound { throw .notFound(program: program) }
            throw .cannotStart(program: program, reason: error.underlyingError.map { "\($0)" } ?? "\(error)")
        } catch {
            throw .cannotStart(program: program, reason: "\(error)")
        }
    }

    private static let teardown: [TeardownStep] = [
        .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
    ]

    private static func pump(
        _ stream: SubprocessOutputSequence,
        _ take: ([UInt8]) async -> Void
    ) async {
        do {
            for try await buffer in stream { await take(buffer.withUnsafeBytes { Array($0) }) }
        } catch {
            // It is read no more; the end of the process says the rest.
        }
    }

    /// The whole environment of the process.
    private var variables: [Subprocess.Environment.Key: String] {
        var variables: [Subprocess.Environment.Key: String] = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            "HOME": folder.path,
            "TMPDIR": folder.appendingPathComponent("tmp").path,
            "LANG": "C.UTF-8",
            // Without it, what a Python program prints into a pipe waits there until there is a lot of it.
            "PYTHONUNBUFFERED": "1",
        ]
        for (name, value) in settings.environment { variables[.init(stringLiteral: name)] = value }
        return variables
    }

    private static func description(of status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "ended with exit code \(code)"
        case .signaled(let signal): "was ended by signal \(signal)\(signal == 9 ? " (SIGKILL; out of memory?)" : "")"
        }
    }
}
