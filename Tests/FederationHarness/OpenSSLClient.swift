package import Foundation

/// `openssl s_client`: a TLS peer that shares no line with ours.
package enum OpenSSLClient {
    /// What `s_client` wrote.
    package struct Answer {
        /// The application bytes that the server sent.
        package let output: Data
        package let errors: String
    }

    /// Connects, sends `bytes`, and waits until the server closes the connection.
    package static func run(_ arguments: [String], saying bytes: [UInt8]) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "s_client"] + arguments
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(bytes))
        let answer = try output.fileHandleForReading.readToEnd() ?? Data()
        let text = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Answer(output: answer, errors: String(decoding: text, as: UTF8.self))
    }
}
