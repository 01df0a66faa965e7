import ArgumentParser
import Foundation
import GRDB
import LinearAlgebra

@testable import Coordinator

/// Turns one bit at a time of a store on disk, and checks that it is noticed.
struct FlippedBitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flipped-bits",
        abstract: "Turn single bits of the store's files and see whether each is noticed."
    )

    @Option(help: "How many bits to turn, one after the other.")
    var flips = 300

    @Option(help: "Where to put the folder: a file system in memory is quickest.", completion: .directory)
    var scratch = "/dev/shm"

    @Option(help: "Of the choice of bits.")
    var seed: UInt64 = 1

    func run() async throws {
        let root = URL(fileURLWithPath: scratch).resolvingSymlinksInPath()
            .appending(path: "tributary-flips-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let (stopped, killed) = (root.appending(path: "stopped"), root.appending(path: "killed"))
        try FileManager.default.createDirectory(at: stopped, withIntermediateDirectories: true)
        // A server that was stopped has everything in its database; one that was killed has the latest commits in its log.
        _ = try await Scenario.record(in: stopped, log: AcknowledgementLog())
        try await leaveLog(in: stopped, as: killed)

        let files = try StoredBytes.files(ofStopped: stopped) + [StoredBytes.log(ofKilled: killed)]
        let total = files.reduce(0) { $0 + $1.bits }
        print("\(files.count) files with \(total / 8) bytes of records and payloads")
        var generator = CounterGenerator(seed: seed)
        var (tried, unnoticed) = (0, 0)
        for _ in 0..<flips {
            // A file of each kind as often as another, and every bit of it as likely.
            let file = files[Int(generator.next() % UInt64(files.count))]
            let bit = file.position(ofBit: Int(generator.next() % UInt64(file.bits)))
            tried += 1
            if try await !isNoticed(bit, of: file) {
                unnoticed += 1
                print("not noticed: bit \(bit % 8) of byte \(bit / 8) of \(file.url.lastPathComponent)")
            }
        }
        print("\(tried - unnoticed) of \(tried) turned bits noticed")
        guard unnoticed == 0 else { throw ExitCode.failure }
    }

    /// Copies the store with another commit in its log, as `kill -9` would leave it.
    private func leaveLog(in stopped: URL, as killed: URL) async throws {
        let open = try Scenario.open(stopped)
        try await open.store.audit.record(.clientRevoked, "nobody", "in the log alone", at: Scenario.moment)
        try FileManager.default.copyItem(at: stopped, to: killed)
        try? FileManager.default.removeItem(at: killed.appending(path: "tributary.sqlite-shm"))
        _ = try await open.database.writer.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        try open.database.close()
    }

    private func isNoticed(_ bit: Int, of file: StoredBytes) async throws -> Bool {
        let copy = file.folder.deletingLastPathComponent().appending(path: "turned")
        try FileManager.default.copyItem(at: file.folder, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        let target = copy.appending(path: file.path)
        var bytes = try Data(contentsOf: target)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try bytes.write(to: target)
        do {
            // What a server does before it serves, and `fed-server audit verify` beside it.
            let open = try Scenario.open(copy)
            defer { try? open.database.close() }
            try await open.store.verify()
            _ = try await open.store.audit.verify()
            return false
        } catch {
            return true
        }
    }
}
