import Foundation
import Testing

/// A few seeds, in a process of their own: the simulated system takes the place of the real one for a whole program.
@Suite("fed-dst", .timeLimit(.minutes(5)))
struct ProgramTests {
    @Test("a few seeds violate nothing, and the same seed has the same events twice")
    func seeds() throws {
        let run = try Self.run("run", "--seeds", "6", "--from", "900001", "--twice")
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains("violations            0"))
    }

    @Test("a bug that is planted is found, and the seed is named")
    func bug() throws {
        let run = try Self.run("bugs", "--only", "recordsMostly", "--seeds", "10", "--missed", "0")
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains(#/found   recordsMostly.*\n +seed \d+: /#))
    }

    @Test("another seed has other events")
    func seedsDiffer() throws {
        let digests = try [1, 2].map { seed in
            try Self.run("replay", "\(seed)", "--calm", "--rounds", "1", "--events", "0").output
                .firstMatch(of: #/digest (\w+)/#)?.output.1
        }
        #expect(digests[0] != nil && digests[0] != digests[1])
    }

    /// Runs the program, which the same build has put beside the tests.
    private static func run(_ arguments: String...) throws -> (status: Int32, output: String) {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = tests.deletingLastPathComponent().appendingPathComponent("fed-dst")
        try #require(FileManager.default.isExecutableFile(atPath: program.path), "build fed-dst first")
        let process = Process()
        let output = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
