import Foundation

/// A process of ``Besiegers``, which stays until it is dismissed.
///
/// It is told on its standard input who they are, in one line, and says on its standard output how many made their claim.
struct BesiegerProcess {
    private let process = Process()
    private let orders = Pipe()
    private let news = Pipe()

    /// Starts `program`, as `program besiege`.
    ///
    /// It runs when nobody else wants to: the processors of attackers are not the server's. Threads of the dispatch library
    /// set their niceness themselves; the policy they leave alone.
    init(_ besiegers: Besiegers, program: URL) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["chrt", "--idle", "0", program.path, "besiege"]
        process.standardInput = orders
        process.standardOutput = news
        try process.run()
        try orders.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(besiegers) + Data("\n".utf8))
    }

    /// Waits until all sockets have come, or have been refused.
    ///
    /// - Returns: How many made their claim; `nil` when the process ended before that.
    func claims() async -> Int? {
        let news = news.fileHandleForReading
        let text = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: String(decoding: news.availableData, as: UTF8.self))
            }
        }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Has the sockets closed, and waits until the process has ended.
    func dismiss() {
        try? orders.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
