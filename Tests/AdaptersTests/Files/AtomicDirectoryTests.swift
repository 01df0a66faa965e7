import Foundation
import TestSupport
import Testing

@testable import Adapters

struct AtomicDirectoryTests {
    @Test("leaves nothing behind when its body throws, not even the folders above")
    func failure() async throws {
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("a/b/out")
            #expect(throws: AdapterError.missingAdapter(path: "x")) {
                try AtomicDirectory.create(at: target) { (partial) throws(AdapterError) in
                    try PEFTDirectory(reading: Fixture.url("peft/plain")).write(into: partial)
                    throw AdapterError.missingAdapter(path: "x")
                }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.isEmpty)
        }
    }

    @Test("refuses a directory that holds something, and a file in its place")
    func inUse() async throws {
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("out")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try Data("mine".utf8).write(to: target.appendingPathComponent("notes.txt"))
            for replacing in [false, true] {
                #expect(throws: AdapterError.directoryInUse(path: target.path)) {
                    try AtomicDirectory.create(at: target, replacing: replacing) { _ in }
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: target.path) == ["notes.txt"])
            let file = target.appendingPathComponent("notes.txt")
            #expect(throws: AdapterError.self) { try AtomicDirectory.create(at: file) { _ in } }
            #expect(try Data(contentsOf: file) == Data("mine".utf8))
        }
    }

    @Test("fills an empty directory, and replaces an earlier adapter when it is told to")
    func replacing() async throws {
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("out")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            let plain = try PEFTDirectory(reading: Fixture.url("peft/plain"))
            let head = try PEFTDirectory(reading: Fixture.url("peft/head"))
            try plain.write(to: target)
            #expect(throws: AdapterError.directoryInUse(path: target.path)) { try head.write(to: target) }
            #expect(try PEFTDirectory(reading: target).adapter == plain.adapter)
            try head.write(to: target, replacing: true)
            #expect(try PEFTDirectory(reading: target).adapter == head.adapter)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out"])
        }
    }

    @Test("says why a folder cannot be written to")
    func unwritable() {
        let error = #expect(throws: AdapterError.self) {
            try AtomicDirectory.create(at: URL(fileURLWithPath: "/proc/nowhere/out")) { _ in }
        }
        #expect(
            error?.description.contains("'/proc/nowhere' cannot be written: No such file or directory.") == true,
            "\(error?.description ?? "")"
        )
    }
}
