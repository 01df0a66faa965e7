import Foundation
import Glibc
import Synchronization

/// A process that can be killed and started again.
final class Program: Sendable {
    private let executable: URL
    private let arguments: [String]
    private let current = Mutex<(process: Process, pipe: Pipe)?>(nil)
    private let printed = Mutex(Data())

    init(_ executable: URL, _ arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Everything that all its processes have printed, line by line.
    var lines: [String] {
        printed.withLock { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) }
    }

    var identifier: Int32? { current.withLock { $0?.process.processIdentifier } }

    /// Whether the present process has ended by itself.
    var hasEnded: Bool { current.withLock { $0.map { !$0.process.isRunning } ?? true } }

    func start() throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = executable
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.standardError
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
            } else {
                self?.printed.withLock { $0.append(data) }
            }
        }
        try process.run()
        current.withLock { $0 = (process, pipe) }
    }

    /// Ends the process as a power cut would, and waits until it is gone.
    func kill() {
        guard let running = current.withLock({ $0 }) else { return }
        Glibc.kill(running.process.processIdentifier, SIGKILL)
        running.process.waitUntilExit()
    }
}
