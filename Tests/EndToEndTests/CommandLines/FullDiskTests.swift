import Foundation
import Testing

@Suite("Results on a full disk")
struct FullDiskTests {
    /// Where the programs lie: beside these tests.
    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    static let canRun = ["fed-server", "fed-client", "fed-sim"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent($0).path)
    }

    @Test(
        "end every program with 1 and a word about it",
        .enabled(if: FullDiskTests.canRun),
        arguments: ["fed-server", "fed-client", "fed-sim"]
    )
    func failure(program: String) throws {
        let path = Self.folder.appendingPathComponent(program).path
        let (text, status) = try PythonProcess.run("sh", ["-c", #""$0" schema > /dev/full"#, path])
        #expect(status == 1)
        #expect(text.hasPrefix("\(program): The results cannot be written: No space left on device."))
    }
}
