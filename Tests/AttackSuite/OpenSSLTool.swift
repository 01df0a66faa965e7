import Foundation

/// The command `openssl`, which makes what no program of ours makes.
enum OpenSSLTool {
    /// Runs it and waits.
    static func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw AttackFailure("`openssl \(arguments.joined(separator: " "))` failed.")
        }
    }
}
