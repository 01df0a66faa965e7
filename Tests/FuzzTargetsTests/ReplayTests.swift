import Foundation
import FuzzTargets
import Testing

/// What fuzzers began with, and what they found: every input again.
@Suite("Fuzzing, replayed", .timeLimit(.minutes(1)))
struct ReplayTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("fuzz")

    private static func inputs(_ kind: String, of target: FuzzTarget) throws -> [[UInt8]] {
        let folder = folder.appendingPathComponent("\(kind)/\(target.rawValue)")
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .map { [UInt8](try Data(contentsOf: folder.appendingPathComponent($0))) }
    }

    @Test(
        "survives the corpus, what fuzzers made of it, and everything that ever broke it",
        arguments: FuzzTarget.allCases
    )
    func replay(_ target: FuzzTarget) throws {
        let corpus = try Self.inputs("corpus", of: target)
        #expect(!corpus.isEmpty)
        for input in try corpus + Self.inputs("grown", of: target) + Self.inputs("regressions", of: target) {
            target.run(input)
        }
    }

    @Test(
        "survives every beginning, and every flipped byte, of the corpus' smaller inputs",
        arguments: FuzzTarget.allCases
    )
    func damage(_ target: FuzzTarget) throws {
        for input in try Self.inputs("corpus", of: target) where input.count <= 512 {
            for end in input.indices { target.run(Array(input[..<end])) }
            for index in input.indices {
                var damaged = input
                damaged[index] ^= 0xFF
                target.run(damaged)
            }
        }
    }
}
