import Coordinator
package import Foundation
import Glibc

/// A `fed-server` of its own, so that its memory and its death are seen from outside.
package enum ServerProcess {
    /// How to start one.
    package struct Launch: Sendable {
        let executable: URL
        /// A program that starts the server in its turn, with its arguments: `prlimit`, `systemd-run`.
        let wrapper: [String]

        /// Starts the program at `executable`, which `wrapper` starts when it is not empty.
        package init(executable: URL, wrapper: [String] = []) {
            self.executable = executable
            self.wrapper = wrapper
        }
    }

    /// Runs a server on a state directory for as long as `body` takes, and stops it.
    static func with<Result>(
        _ launch: Launch,
        on state: StateDirectory,
        _ body: (AdminClient) async throws -> Result
    ) async throws -> Result {
        let process = Process()
        let words = launch.wrapper + [launch.executable.path, "run", "--dir", state.root.path]
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        // What it logs is of no interest, and there is much of it.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer {
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
        }
        let result = try await body(try await admin(of: state, process))
        guard process.isRunning else {
            throw AttackFailure("The server ended with status \(process.terminationStatus).")
        }
        return result
    }

    /// Waits until the server says where it listens.
    private static func admin(of state: StateDirectory, _ process: Process) async throws -> AdminClient {
        while process.isRunning {
            if let client = try state.adminClient() { return client }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw AttackFailure("The server ended with status \(process.terminationStatus) before it served.")
    }
}

/// What a process takes, as the kernel counts it.
package struct ProcessMemory: Sendable {
    /// In use now, in bytes.
    package let resident: Int
    /// The most that was ever in use.
    package let peak: Int

    /// Reads the figures of a running process.
    package init(of process: Int32) throws {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        func kibibytes(_ key: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
            return Int(line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first ?? "") ?? 0
        }
        self.resident = kibibytes("VmRSS:") << 10
        self.peak = kibibytes("VmHWM:") << 10
    }
}
